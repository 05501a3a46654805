"""What a connector returned or raised, as the application may see it: checked, and cleared."""

from __future__ import annotations

import datetime as dt
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast, get_args

from passpost._connector_info import Finding
from passpost._genuine import is_really, only_one_in, plain, type_name
from passpost._messages.messages import Mail, Message, Receipt
from passpost._phrases import Phrase, _, said
from passpost._plugins.defects import describe_defect, trace_defect
from passpost._plugins.interruptions import Interruptions
from passpost._redaction.redactor import Redactor
from passpost._secret import Secret
from passpost.errors import Attempt, Outcome, Scope, SendError

log: Final = logging.getLogger("passpost")

LEARNED: Final = 64
"""Words learned at run time that are remembered; tokens are replaced every hour or so."""

_OUTCOMES: Final = get_args(Outcome)
_SCOPES: Final = get_args(Scope)
_OF_THE_NETWORK: Final[Sequence[type[OSError]]] = (ConnectionError, TimeoutError)
_RESULTS: Final = ("ok", "warning", "error")


class Defect(Exception):  # noqa: N818 - never leaves passpost
    """A connector broke its contract in a way that can be put into words."""


def send_error_in(error: BaseException) -> SendError | None:
    """Return the one SendError in the groups that a connector's task group wraps around it."""
    error = only_one_in(error)
    return error if is_really(error, SendError) else None


class Reports:
    """Checks and clears what one connector says: nothing else of it reaches the application.

    Args:
        connector: The connector's name in the application.
        distribution: Who brought the connector, for the report of a defect.
        secrets: What must not show: the secrets of the config.
    """

    def __init__(self, connector: str, distribution: str, secrets: Iterable[str | Secret]) -> None:
        self._connector = connector
        self._distribution = distribution
        self._secrets = tuple(secrets)
        self._learning = threading.Lock()
        self._learned: deque[str] = deque(maxlen=LEARNED)
        self._redactor = Redactor(self._secrets)

    def register_secret(self, word: str | Secret) -> None:
        """Mask a word from now on: a token that the connector learned at run time.

        Raises:
            TypeError: The word is not text.
        """
        text: Any = plain(word.reveal() if isinstance(word, Secret) else word)
        if type(text) is not str:
            raise TypeError(f"a secret is text, not {type_name(text)}")
        # A plain `send_mail` registers from its thread.
        with self._learning:
            if text not in self._learned:
                self._learned.append(text)
                self._redactor = Redactor((*self._secrets, *self._learned))

    def receipt(self, receipt: Receipt, mail: Mail, attempts: tuple[Attempt, ...]) -> Receipt:
        """Return a connector's receipt, checked and cleared, with what passpost knows of the email.

        The provider has the email: a part of the wrong type is left out and reported, and the
        acceptance counts.
        """
        provider_id, response = self._words(receipt, mail)
        accepted_at = self._accepted_at(receipt)
        if (
            type(receipt) is Receipt
            and receipt.provider_id is provider_id
            and receipt.response is response
            and receipt.accepted_at is accepted_at
            and receipt.complete(self._connector, mail.message_id, attempts)
        ):
            return receipt
        return Receipt(
            provider_id=provider_id,
            response=response,
            connector=self._connector,
            message_id=mail.message_id,
            attempts=attempts,
            accepted_at=accepted_at,
        )

    def _words(self, receipt: Receipt, mail: Mail) -> tuple[str | None, str | None]:
        """Return the provider's ID and words, cleared."""
        provider_id = self._part(receipt, "provider_id")
        response = self._part(receipt, "response")
        # Nearly every ID is a part of the words, and nearly all words show nothing.
        if response is None:
            if provider_id is None:
                return None, None
        elif (provider_id is None or provider_id in response) and self._redactor.is_clear(
            response, mail.payload
        ):
            return provider_id, response
        clean = self._redactor.for_email(mail.payload, mail.to).clean
        return provider_id and clean(provider_id), response and clean(response)

    def _accepted_at(self, receipt: Receipt) -> dt.datetime:
        """Return when the provider accepted the email: as the connector says, or now."""
        # Nearly always, and nothing can be wrong with it.
        if type(receipt) is Receipt:
            when: Any = receipt.accepted_at
            if type(when) is dt.datetime and when.tzinfo is dt.UTC:
                return when
        interruptions = Interruptions()
        try:
            when = receipt.accepted_at
            if isinstance(when, dt.datetime) and when.utcoffset() is not None:
                # Without the class and the time zone of the connector.
                return dt.datetime.fromtimestamp(when.timestamp(), dt.UTC)
        # The receipt and its time may be of the connector's own classes.
        except BaseException as failure:
            if interruptions.include(failure):
                raise
        self.report_defect("a receipt's accepted_at is not a datetime with a time zone")
        return dt.datetime.now(dt.UTC)

    def _part(self, receipt: Receipt, name: str) -> str | None:
        """Return a text of a receipt; None where there is none, or something else."""
        if type(receipt) is Receipt:
            part = getattr(receipt, name)
            if part is None or type(part) is str:
                return part or None
        interruptions = Interruptions()
        try:
            part = getattr(receipt, name)
        except BaseException as failure:
            if interruptions.include(failure):
                raise
            wrong = describe_defect(failure)
        else:
            if part is None:
                return None
            if is_really(part, str):
                return str.__str__(part) or None
            wrong = type_name(part)
        self.report_defect(f"a receipt contains {wrong} where text belongs")
        return None

    def cleaner(self, email: Mail | Message | None = None) -> Callable[[str], str]:
        """Return what clears texts: of secrets, and of one email's payload and recipient."""
        if email is None:
            return self._redactor.clean
        return self._redactor.for_email(email.payload, email.to).clean

    def failure(
        self,
        error: BaseException,
        email: Mail | Message | None = None,
        *,
        sent: bool = True,
        left: bool = True,
    ) -> SendError:
        """Return the error of the application for whatever was raised.

        Args:
            error: What was raised; what is not a `SendError` is the connector's defect.
            email: What was not sent: neither its payload nor its whole recipient shows.
            sent: Whether the connector may have begun to send; if not, the outcome is ``rejected``
                whatever it says.
            left: Whether the email may have left, as far as passpost knows; if not, the outcome of
                a defect is ``rejected``.
        """
        facts = self._facts(error, left=left)
        clean = self.cleaner(email)
        message = clean(facts.pop("message"))
        for name in ("provider_code", "response", "hint"):
            facts[name] = clean(facts[name]) if facts.get(name) else None
        if not sent:
            facts["outcome"] = "rejected"
        return SendError(message, connector=self._connector, **facts)

    def findings(self, findings: Any) -> Sequence[Finding]:
        """Return the findings of a check, cleared.

        Raises:
            Defect: They are something else.
        """
        if not isinstance(findings, Sequence) or isinstance(findings, str | bytes):
            kind = type_name(findings)
            raise Defect(
                _("check_connection returned {kind} instead of a list of findings", kind=kind)
            )
        return [self._finding(finding) for finding in findings]

    def _finding(self, finding: Any) -> Finding:
        if not is_really(finding, Finding):
            raise Defect(
                _("check_connection returned {kind} among its findings", kind=type_name(finding))
            )
        says = (finding.subject, finding.evidence, finding.remedy, finding.id)
        texts = [plain(text) for text in says]
        result: Any = plain(finding.result)
        if not _is_one_of(_RESULTS, result) or not all(map(_is_text, texts)):
            raise Defect(_("check_connection returned a finding with a wrong result or type"))
        subject, evidence, remedy, name = map(self._redactor.clean, cast("list[str]", texts))
        return Finding(subject, result, evidence, remedy, name)

    def _facts(self, error: BaseException, *, left: bool) -> dict[str, Any]:
        """Return the message and the facts of a failure by name, each of its type."""
        interruptions = Interruptions()
        happened = _("raised an unexpected exception")
        try:
            found = send_error_in(error)
            if found is not None:
                facts, wrong = _checked(found)
                if wrong:
                    self.report_defect(f"a SendError has a wrong {' and '.join(wrong)}")
                return facts
            if is_really(error, Defect):
                happened, what, trace = _("broke its contract"), said(error), ""
            else:
                what, trace = describe_defect(error), trace_defect(error)
        # The error is the connector's own class: each look at it may fail.
        except BaseException as failure:
            if interruptions.include(failure):
                raise
            what, trace = describe_defect(failure), ""
        self.report_defect(what, trace)
        when = "" if left else _(" before the email left")
        network = not left and any(is_really(error, kind) for kind in _OF_THE_NETWORK)
        return {
            "message": _(
                "the connector {happened}{when}: {what}", happened=happened, when=when, what=what
            ),
            "outcome": "unknown" if left else "rejected",
            "scope": "network" if network else "provider",
            "temporary": network,
            "hint": _(
                "This is a defect of {package}; please report it to its authors.",
                package=self._distribution,
            ),
        }

    def report_defect(self, what: str, trace: str = "") -> None:
        """Log that the connector broke its contract."""
        # Cleared as well: even the name of a class is the connector's.
        what = self._redactor.clean(f"{what} ({trace})" if trace else what)
        log.error("the connector of %s is defective: %s", self._distribution, what)


def _checked(error: SendError) -> tuple[dict[str, Any], list[str]]:
    """Return an error's facts of the required types, and the names of the others."""
    message = error.args[0] if error.args else None
    facts = {"message": message, **{name: getattr(error, name) for name in _ALLOWED}}
    # Of Python's own types: what is checked, cleared and shown is then one and the same.
    given = {name: plain(value) for name, value in facts.items()}
    allowed = {"message": _is_text, **_ALLOWED}
    wrong = [name for name, value in given.items() if not allowed[name](value)]
    right = {name: given[name] for name in given if name not in wrong}
    return {**_NOTHING_SAID, **right}, wrong


def _is_one_of(known: Sequence[str], value: object) -> bool:
    return type(value) is str and value in known


def _is_text(value: object) -> bool:
    # Not `in`: that would ask the metaclass of the type.
    return type(value) is str or type(value) is Phrase


def _is_text_or_none(value: object) -> bool:
    return value is None or _is_text(value)


def _is_wait(value: object) -> bool:
    if value is None:
        return True
    return type(value) in {int, float} and 0 <= cast("float", value) <= sys.float_info.max


_ALLOWED: Final[Mapping[str, Callable[[object], bool]]] = {
    "outcome": partial(_is_one_of, _OUTCOMES),
    "scope": partial(_is_one_of, _SCOPES),
    "temporary": lambda value: isinstance(value, bool),
    "retry_after": _is_wait,
    "provider_code": _is_text_or_none,
    "response": _is_text_or_none,
    "hint": _is_text_or_none,
}
"""What each attribute of a `SendError` may be."""

_NOTHING_SAID: Final[Mapping[str, Any]] = {
    "message": _("the connector does not say what failed"),
    "outcome": "unknown",
    "scope": "provider",
}
"""The facts of a `SendError` that has none of its own."""
