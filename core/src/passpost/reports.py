"""What a connector returned or raised, as the application may see it: checked, and cleared."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final, get_args

import attrs

from passpost.connector import Finding
from passpost.defects import describe_defect
from passpost.errors import Outcome, Scope, SendError
from passpost.messages import Mail, Message, Receipt
from passpost.redaction import Redactor
from passpost.secret import Secret

log: Final = logging.getLogger("passpost")

LEARNED: Final = 64
"""Words learned at run time that are remembered; tokens are replaced every hour or so."""

_OUTCOMES: Final = get_args(Outcome)
_SCOPES: Final = get_args(Scope)


class Defect(Exception):  # noqa: N818 - never leaves passpost
    """A connector broke its contract in a way that can be put into words."""


def send_error_in(error: BaseException) -> SendError | None:
    """Return the one SendError in the groups that a connector's task group wraps around it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, SendError) else None


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
        self._learned: deque[str] = deque(maxlen=LEARNED)
        self._redactor = Redactor(self._secrets)

    def register_secret(self, word: str | Secret) -> None:
        """Mask a word from now on: a token that the connector learned at run time.

        Raises:
            TypeError: The word is not text.
        """
        text: Any = word.reveal() if isinstance(word, Secret) else word
        if not isinstance(text, str):
            raise TypeError(f"a secret is text, not {type(text).__name__}")
        if text not in self._learned:
            self._learned.append(text)
            self._redactor = Redactor((*self._secrets, *self._learned))

    def receipt(self, receipt: Receipt, mail: Mail) -> tuple[str | None, str | None]:
        """Return the provider's ID and words of a receipt, cleared.

        The provider has the email: a part of the wrong type is left out and reported, and the
        acceptance stands.
        """
        parts: tuple[Any, Any] = (receipt.provider_id, receipt.response)
        if parts == (None, None):
            return parts
        redactor = self._redactor.for_email(mail.payload, mail.to)
        wrong = [part for part in parts if not isinstance(part, str | None)]
        if wrong:
            self._report(f"a receipt contains {type(wrong[0]).__name__} where text belongs")
        provider_id, response = (part if isinstance(part, str) and part else None for part in parts)
        cleared = redactor.clean(response) if response else None
        # Nearly every ID is a part of the words: nothing is in it that was not looked for there.
        if provider_id and (cleared != response or provider_id not in (response or "")):
            provider_id = redactor.clean(provider_id)
        return provider_id, cleared

    def accepted_at(self, receipt: Receipt) -> dt.datetime:
        """Return when the provider accepted the email: as the connector says, or now."""
        when: Any = receipt.accepted_at
        if isinstance(when, dt.datetime) and when.utcoffset() is not None:
            return when
        self._report("a receipt's accepted_at is not a datetime with a time zone")
        return dt.datetime.now(dt.UTC)

    def failure(
        self, error: BaseException, email: Mail | Message | None = None, *, sent: bool = True
    ) -> SendError:
        """Make the error of the application from whatever was raised.

        Args:
            error: What was raised; what is not a `SendError` is the connector's defect.
            email: What was not sent: neither its payload nor its whole recipient shows.
            sent: Whether the connector may have begun to send; if not, the outcome is ``rejected``
                whatever it says.
        """
        facts = self._facts(error)
        redactor = self._redactor
        clean = (redactor if email is None else redactor.for_email(email.payload, email.to)).clean
        return SendError(
            clean(facts.message),
            outcome=facts.outcome if sent else "rejected",
            scope=facts.scope,
            temporary=facts.temporary,
            retry_after=facts.retry_after,
            provider_code=clean(facts.provider_code) if facts.provider_code else None,
            response=clean(facts.response) if facts.response else None,
            hint=clean(facts.hint) if facts.hint else None,
            connector=self._connector,
        )

    def findings(self, findings: Any) -> Sequence[Finding]:
        """Return the findings of a check, cleared.

        Raises:
            Defect: They are something else.
        """
        if not isinstance(findings, Sequence) or isinstance(findings, str | bytes):
            kind = type(findings).__name__
            raise Defect(f"check_connection returned {kind} instead of a list of findings")
        return [self._finding(finding) for finding in findings]

    def _finding(self, finding: Any) -> Finding:
        if not isinstance(finding, Finding):
            raise Defect(f"check_connection returned {type(finding).__name__} among its findings")
        texts = (finding.subject, finding.evidence, finding.remedy)
        if finding.result not in {"ok", "warning", "error"} or not _all_text(texts):
            raise Defect("check_connection returned a finding with a wrong result or type")
        subject, evidence, remedy = map(self._redactor.clean, texts)
        return attrs.evolve(finding, subject=subject, evidence=evidence, remedy=remedy)

    def _facts(self, error: BaseException) -> _Facts:
        try:
            found = send_error_in(error)
            if found is not None:
                facts, wrong = _checked(found)
                if wrong:
                    self._report(f"a SendError has a wrong {' and '.join(wrong)}")
                return facts
            what = str(error) if isinstance(error, Defect) else describe_defect(error)
        # The error is the connector's own class: each look at it may fail.
        except Exception as failure:  # noqa: BLE001 - any plugin's any mistake
            what = describe_defect(failure)
        self._report(what)
        return _Facts(
            f"the connector failed in a way that its contract does not allow: {what}",
            hint=f"This is a defect of {self._distribution}; please report it to its authors.",
        )

    def _report(self, what: str) -> None:
        log.error("the connector of %s is defective: %s", self._distribution, what)


@attrs.frozen
class _Facts:
    """The facts of a failure, each of its type."""

    message: str
    outcome: Outcome = "unknown"
    scope: Scope = "provider"
    temporary: bool = False
    retry_after: float | None = None
    provider_code: str | None = None
    response: str | None = None
    hint: str | None = None


def _checked(error: SendError) -> tuple[_Facts, list[str]]:
    """Return an error's facts of the type that the contract wants, and the names of the others."""
    message = error.args[0] if error.args else None
    given = {"message": message, **{name: getattr(error, name) for name in _ALLOWED}}
    allowed = {"message": _is_text, **_ALLOWED}
    wrong = [name for name, value in given.items() if not allowed[name](value)]
    right: dict[str, Any] = {name: given[name] for name in given if name not in wrong}
    right.setdefault("message", "the connector does not say what failed")
    return _Facts(**right), wrong


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_wait(value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value >= 0


def _all_text(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


_ALLOWED: Final = {
    "outcome": _OUTCOMES.__contains__,
    "scope": _SCOPES.__contains__,
    "temporary": lambda value: isinstance(value, bool),
    "retry_after": _is_wait,
    "provider_code": _is_text_or_none,
    "response": _is_text_or_none,
    "hint": _is_text_or_none,
}
"""What each attribute of a `SendError` may be."""
