"""``passpost send``: sends one email, or those of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs
import click

import passpost
from passpost._plugins.defects import describe_defect
from passpost.errors import outcome_of
from passpost_cli import options
from passpost_cli.arguments import named
from passpost_cli.batch import arguments as batches
from passpost_cli.command import Command
from passpost_cli.exit_codes import ExitCode
from passpost_cli.failures import CommandError, attempts
from passpost_cli.helping import json_forms, verbatim
from passpost_cli.language import _, language, say
from passpost_cli.payloads import read_payload
from passpost_cli.settings import load
from passpost_cli.terminal import column, one_line, out, out_json
from passpost_cli.usages import point_out_strangers

_EPILOG: Final = "\n\n".join(
    (
        json_forms("""\
  {"ok": true, "connector", "message_id", "provider_id", "response",
   "accepted_at", "attempts": [ATTEMPT, …],
   "test": {"marked": true|false, "places": [TEXT, …]}}
  {"ok": false, "error": {"kind": "send", "message", "connector",
   "outcome": "rejected|unknown", "scope", "temporary", "retry_after",
   "provider_code", "response", "hint", "attempts"}}
  {"ok": false, "error": {"kind":
   "config|message|plugin|refused|interrupted|usage|internal", "message", …}}
  ATTEMPT: {"connector", "started_at", "result", "summary"}"""),
        _('"test" is there only with --test.'),
        verbatim(
            _("With --batch:"),
            '  {"ok", "total", "accepted", "rejected", "unknown", "not_attempted",',
            '   "replayed", "earlier", "seconds", "journal", "errors": [{"line", "count",',
            '   "outcome", "message", …}, …], "error"}',
        ),
        _('With --batch, "error" is there only if "ok" is false.'),
        _(
            "Others on this machine can read a code on the command line while the command runs. "
            '"--payload -" reads it from standard input instead.'
        ),
    )
)

_LABELS: Final = 12
"""Columns of the labels."""

_OPEN: Final = _("it is unknown whether the email was sent")


@click.command(cls=Command, epilog=_EPILOG)
@options.settings_file
@click.option("--to", metavar="ADDRESS", help=_("The recipient: one address."))
@click.option(
    "--test",
    "is_test",
    is_flag=True,
    help=_("Mark the email as a test, with the code 000000, and say where to look for it."),
)
@options.usage(required=False)
@options.payload
@options.locale
@options.connector
@options.timeout(_("How long sending one email may take. [default: the timeout in FILE]"))
@batches.options
@options.as_json
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Send one email, or one for each line of a file.

    The exit code is 0 if the provider has accepted all emails, 1 if one was not sent, and 3 if that
    is unknown.

    With --test, a variable without a value stays as it is written, and --usage is optional.

    BATCH is CSV with a line of column names, or JSON Lines. Nothing is sent before all lines are
    valid. A journal notes each email, so that --resume can go on where a batch has ended.
    """
    batches.check(ctx)
    file = given["file"]
    payload = read_payload(given["code"], given["assignments"], given["payload_file"], beside=file)
    if given["batch"] is not None:
        # Slow to import, and of no use for one email.
        from passpost_cli.batch.command import send_batch  # noqa: PLC0415

        send_batch(batches.arguments_of(given, payload), _application(given))
        return
    application = _application(given)
    if given["is_test"]:
        if given["usage"] is not None:
            point_out_strangers(application, [given["usage"]], named(file))
        chosen = {"usage": given["usage"], "locale": given["locale"], "payload": payload}
        send_test(application, given["to"], **chosen, as_json=given["as_json"])
        return
    point_out_strangers(application, [given["usage"]], named(file))
    message = passpost.Message(given["to"], given["usage"], payload, given["locale"])
    receipt = _sent(application, message)
    if given["as_json"]:
        out_json({"ok": True, **_described(receipt)})
    else:
        _show(receipt)


def send_test(
    application: passpost.Application,
    to: str,
    *,
    as_json: bool = False,
    payload: Mapping[str, Any] = MappingProxyType({}),
    **chosen: str | None,
) -> None:
    """Send a test email, and say what came back and where to look for it.

    Args:
        application: What to send through.
        to: The recipient.
        as_json: Whether the reader is a program.
        payload: Values for the template.
        chosen: The ``usage`` and ``locale`` of the template.
    """
    from passpost_tools import trial  # noqa: PLC0415 - other emails need none of it

    if payload.get("code", trial.CODE) != trial.CODE:
        raise click.UsageError(
            _("--test sends the code {code}: remove the other code", code=trial.CODE)
        )
    message = trial.message_of_test(application, to, payload=payload, **chosen)
    receipt = _sent(trial.for_test(application), message)
    made = trial.trial_of(application, message, receipt, language())
    if as_json:
        test = {"marked": made.marked, "places": made.places}
        out_json({"ok": True, **_described(receipt), "test": test})
        return
    _show(receipt)
    for one in receipt.attempts[:-1]:
        before = _(
            "before that: {connector}: {summary}", connector=one.connector, summary=one.summary
        )
        out(f"  {one_line(say(before))}")
    if not made.marked:
        unmarked = _("not marked as a test: the provider's template decides what it says")
        out(f"  {say(unmarked)}")
    out(_("Look for the email in:"))
    for place in made.places:
        out(f"  {one_line(place)}")


def _application(given: Mapping[str, Any]) -> passpost.Application:
    application = load(given["file"], given["connector"])
    if given["timeout"] is None:
        return application
    policy = attrs.evolve(application.policy, timeout=given["timeout"])
    return attrs.evolve(application, policy=policy)


def _sent(application: passpost.Application, message: passpost.Message) -> passpost.Receipt:
    sending = _Sending()
    try:
        return asyncio.run(sending.run(application, message))
    except passpost.PasspostError:
        raise
    except KeyboardInterrupt:
        # It carries no outcome.
        raise _interrupted(in_doubt=sending.in_doubt) from None
    # A defect says nothing about the outcome.
    except BaseException as error:
        if not sending.in_doubt:
            raise
        what = describe_defect(error)
    raise CommandError(
        _("internal error: {what}: {open}", what=what, open=_OPEN),
        _("check whether the email arrived before you send it again, and report this line"),
        kind="internal",
        exit_code=ExitCode.UNKNOWN,
    )


class _Sending:
    """A send under way.

    Attributes:
        in_doubt: Whether the email may have been sent, if the send is interrupted now.
    """

    def __init__(self) -> None:
        self.in_doubt = False

    async def run(
        self, application: passpost.Application, message: passpost.Message
    ) -> passpost.Receipt:
        connectors, options = application.connectors, application.options()
        async with passpost.AsyncMailer(*connectors, **options) as mailer:
            self.in_doubt = True
            try:
                return await mailer.send(message)
            except BaseException as error:
                self.in_doubt = outcome_of(error) == "unknown"
                raise


def _interrupted(*, in_doubt: bool) -> CommandError:
    return CommandError(
        _("interrupted: {what}", what=_OPEN if in_doubt else _("nothing was sent")),
        kind="interrupted",
        exit_code=ExitCode.INTERRUPTED,
    )


def _described(receipt: passpost.Receipt) -> dict[str, Any]:
    return {
        "connector": receipt.connector,
        "message_id": receipt.message_id,
        "provider_id": receipt.provider_id,
        "response": receipt.response,
        "accepted_at": receipt.accepted_at.isoformat(),
        "attempts": attempts(receipt.attempts),
    }


def _show(receipt: passpost.Receipt) -> None:
    out(_("accepted by {connector}", connector=one_line(receipt.connector)))
    facts = (
        (_("message ID"), receipt.message_id),
        (_("provider ID"), receipt.provider_id),
        (_("response"), receipt.response),
    )
    for label, fact in facts:
        if fact:
            out(f"  {column(label, _LABELS)} {one_line(fact)}")
