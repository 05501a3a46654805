"""``passpost preview``: what will an email look like?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import click

import passpost
from passpost._delivery.compose import Composer
from passpost._delivery.identity import SendIdentity
from passpost._wording import known
from passpost_cli import options
from passpost_cli.arguments import STDIN, named
from passpost_cli.command import Command
from passpost_cli.display import show_mail
from passpost_cli.failures import CommandError
from passpost_cli.helping import json_forms
from passpost_cli.language import _, say
from passpost_cli.payloads import read_payload
from passpost_cli.reading import Part, Reading
from passpost_cli.settings import load_without_secrets
from passpost_cli.terminal import out_json
from passpost_cli.usages import point_out_strangers

# The email goes to nobody, but a message requires a recipient.
_NOBODY: Final = "nobody@example.com"

_EPILOG: Final = "\n\n".join(
    (
        json_forms("""\
  {"ok": true, "connector", "usage", "locale", "from", "reply_to", "subject",
   "text", "html"}
  {"ok": false, "error": {"kind":
   "config|message|plugin|send|refused|interrupted|usage|internal",
   "message", …}}"""),
        _("A part that the email lacks is null."),
    )
)


@click.command(cls=Command, epilog=_EPILOG)
@options.settings_file
@options.usage(required=True)
@options.payload
@options.locale
@options.connector
@click.option("--html", "html_file", metavar="OUT", help=_("Write the HTML to this file as well."))
@options.as_json
def command(  # noqa: PLR0913 - one for each argument of the command line
    *,
    file: str,
    usage: str,
    code: str | None,
    assignments: tuple[str, ...],
    payload_file: str | None,
    locale: str | None,
    connector: str | None,
    html_file: str | None,
    as_json: bool,
) -> None:
    """Show what an email will look like; nothing is sent.

    The template is picked and rendered in the same way as for sending. No password or key is
    needed: one that is missing in the environment or in a file is passed over.
    """
    payload = read_payload(code, assignments, payload_file, beside=file)
    application = load_without_secrets(file, connector)
    # The first connector is the one that sends.
    chosen = application.connectors[0]
    point_out_strangers(application, [usage], named(file))
    message = passpost.Message(to=_NOBODY, usage=usage, payload=payload, locale=locale)
    # The mailer uses the same class, so that the preview is what will be sent.
    composer = Composer(chosen, application.templates, application.missing_variables)
    template = asyncio.run(composer.ask(message)) if composer.asks else None
    mail = composer.compose(message, SendIdentity("preview"), template=template)
    if html_file is not None:
        _write_html(mail, html_file)
    view = _view(chosen, mail)
    if as_json:
        out_json({"ok": True, **view})
    else:
        show_mail(_reading(view))


def _write_html(mail: passpost.Mail, name: str) -> None:
    if mail.html is None:
        raise CommandError(
            _("this email has no HTML"), _("remove --html, or use a template with HTML")
        )
    if name == STDIN:
        raise click.UsageError(_("--html requires the name of a file"))
    try:
        Path(name).write_text(mail.html, encoding="utf-8", newline="\n")
    except OSError as error:
        reason = known(error.strerror or type(error).__name__)
    else:
        return
    raise CommandError(_("cannot write {name}: {reason}", name=name, reason=reason))


def _view(connector: passpost.Connector, mail: passpost.Mail) -> dict[str, Any]:
    sender = mail.sender or getattr(connector.config, "sender", None)
    reply_to = mail.reply_to or getattr(connector.config, "reply_to", None)
    return {
        "connector": connector.name,
        "usage": mail.usage,
        "locale": mail.locale,
        "from": None if sender is None else str(sender),
        "reply_to": None if reply_to is None else str(reply_to),
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
    }


def _reading(view: dict[str, Any]) -> Reading:
    headers = (
        (_("From"), view["from"]),
        (_("Reply-To"), view["reply_to"]),
        (_("Subject"), view["subject"]),
        (_("Language"), view["locale"]),
    )
    parts = [Part(say(_("text")), view["text"])] if view["text"] is not None else []
    if view["html"] is not None:
        parts.append(Part("HTML", view["html"], markup=True))
    if not parts:
        parts = [Part("", say(_("The content of this email is a template at the provider.")))]
    title = _("{usage} by {connector}", usage=view["usage"], connector=view["connector"])
    return Reading(say(title), [(say(label), text) for label, text in headers if text], parts)
