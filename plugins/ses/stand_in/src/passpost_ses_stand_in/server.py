"""A server on loopback that stands in for Amazon SES: for the demonstration, and for tests.

What it accepts, SES would accept: it verifies the signature, its scope, the time, the session token
and every part of the document, and answers with the documented error codes. It is stricter in two
things: one email goes to one recipient, and parts of the document that no connector here has a use
for are rejected.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

import attrs

from passpost_ses_stand_in.documents import AcceptedMail, accepted_mail
from passpost_ses_stand_in.signatures import Key, verify
from pytest_passpost import Answer, HttpStandIn, Refused, Request

KEY_ID: Final = "AKIASTANDINPERMANENT"
SECRET: Final = "StandIn/Secret+Permanent"  # noqa: S105 - of a key that opens nothing
STS_KEY_ID: Final = "ASIASTANDINTEMPORARY"
STS_SECRET: Final = "StandIn/Secret+Temporary"  # noqa: S105 - likewise
STS_TOKEN: Final = "StandInToken/with+signs=="  # noqa: S105 - likewise
REGION: Final = "eu-central-1"

SENDER: Final = "no-reply@example.com"
VERIFIED_RECIPIENT: Final = "success@simulator.example"
CONFIGURATION_SET: Final = "sign-in"

_SEND: Final = "/v2/email/outbound-emails"
_ACCOUNT: Final = "/v2/email/account"
_IDENTITIES: Final = "/v2/email/identities/"


class StandIn(HttpStandIn):
    """SES in one region, with a permanent and a temporary key, and one verified domain.

    ::

        with StandIn() as ses:
            connector = host.configure("ses", {**ses.settings, "templates": [...]})
            with passpost.Mailer(connector) as mailer:
                mailer.send(message)
            assert ses.received[0].subject == "Your code"

    Args:
        clock: Seconds since the epoch, as the service's clock has them.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._clock = clock
        self._numbers = itertools.count(1)
        self._keys = {KEY_ID: Key(SECRET), STS_KEY_ID: Key(STS_SECRET, STS_TOKEN)}
        self.identities = {"example.com": True, VERIFIED_RECIPIENT: True}
        """Addresses and domains, and whether each is verified."""
        self.production = True
        """Whether the account has left the sandbox."""
        self.sending = True
        """Whether sending is switched on for the account."""
        self.allowed: frozenset[str] | None = None
        """The operations that the key may call; None: all."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that reach this server, complete but for ``templates``."""
        return {
            "accessKeyId": KEY_ID,
            "secretAccessKey": SECRET,
            "region": REGION,
            "fromEmail": f"Example <{SENDER}>",
            "endpoint": self.server.url,
        }

    @property
    def wrong_settings(self) -> Mapping[str, Any]:
        """The same with a secret that does not belong to the key."""
        return {**self.settings, "secretAccessKey": "NotTheSecretOfThisKey"}

    @property
    def temporary_settings(self) -> Mapping[str, Any]:
        """The same with temporary credentials (STS)."""
        return {
            **self.settings,
            "accessKeyId": STS_KEY_ID,
            "secretAccessKey": STS_SECRET,
            "sessionToken": STS_TOKEN,
        }

    def refuse(
        self,
        code: str,
        message: str = "",
        status: int = 400,
        *,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> None:
        """Answer the next authentic requests with an error code.

        Args:
            code: ``MessageRejected``.
            message: What SES says about it.
            status: The HTTP status.
            headers: Headers of the answer.
            times: How many requests.
        """
        answer = _error(code, message, status)
        self.refuse_with(attrs.evolve(answer, headers={**answer.headers, **(headers or {})}), times)

    def admit(self, request: Request) -> None:
        """Verify the signature."""
        if refusal := verify(request, self._keys, (REGION, "ses"), self._clock()):
            raise Refused(_error(*refusal, 403))

    def take(self, request: Request) -> tuple[AcceptedMail | None, Answer]:
        """Call an operation."""
        path = request.path
        if (request.method, path) == ("POST", _SEND):
            self._require("SendEmail")
            return self._send(request)
        if (request.method, path) == ("GET", _ACCOUNT):
            self._require("GetAccount")
            return None, self._account()
        if request.method == "GET" and path.startswith(_IDENTITIES):
            self._require("GetEmailIdentity")
            return None, self._identity(unquote(path.removeprefix(_IDENTITIES)))
        raise Refused(_error("UnknownOperationException", "", 404))

    def _require(self, operation: str) -> None:
        if self.allowed is not None and operation not in self.allowed:
            says = f"User is not authorized to perform ses:{operation}"
            raise Refused(_error("AccessDeniedException", says, 403))

    def _send(self, request: Request) -> tuple[AcceptedMail, Answer]:
        read = accepted_mail(request)
        if not isinstance(read, AcceptedMail):
            raise Refused(_error("BadRequestException", read))
        if not self.sending:
            raise Refused(_error("SendingPausedException", "Sending is paused"))
        if read.configuration_set not in (None, CONFIGURATION_SET):
            says = f"Configuration set <{read.configuration_set}> does not exist."
            raise Refused(_error("NotFoundException", says, 404))
        self._require_verified(read)
        number = next(self._numbers)
        return read, _document({"MessageId": f"0107018f0a1b2c3d-{number:08x}-000000"})

    def _require_verified(self, mail: AcceptedMail) -> None:
        wanted = (
            [mail.envelope_sender] if self.production else [mail.envelope_sender, mail.recipient]
        )
        failed = [address for address in wanted if not self._verified(address)]
        if failed:
            says = (
                "Email address is not verified. The following identities failed the check in "
                f"region {REGION.upper()}: {', '.join(failed)}"
            )
            raise Refused(_error("MessageRejected", says))

    def _verified(self, address: str) -> bool:
        domain = address.rpartition("@")[2]
        return self.identities.get(address, False) or self.identities.get(domain, False)

    def _account(self) -> Answer:
        quota = {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 1.0}
        return _document(
            {
                "SendingEnabled": self.sending,
                "ProductionAccessEnabled": self.production,
                "EnforcementStatus": "HEALTHY",
                "SendQuota": quota,
            }
        )

    def _identity(self, name: str) -> Answer:
        if name not in self.identities:
            raise Refused(
                _error("NotFoundException", f"Email identity {name} does not exist.", 404)
            )
        return _document({"VerifiedForSendingStatus": self.identities[name]})


def _document(document: Mapping[str, Any]) -> Answer:
    return _with_id(Answer.json(document))


def _error(code: str, message: str, status: int = 400) -> Answer:
    kind = {"x-amzn-ErrorType": f"{code}:http://internal.amazon.com/coral/"}
    answer = _with_id(Answer.json({"message": message or None}, status))
    return attrs.evolve(answer, headers={**answer.headers, **kind})


def _with_id(answer: Answer) -> Answer:
    request = {"x-amzn-RequestId": "5d1e2f3a-0000-4000-8000-0123456789ab"}
    return attrs.evolve(answer, headers={**answer.headers, **request})
