"""The imitation itself: what it holds, and what it answers."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

import attrs

from passpost import Address
from passpost_aliyun_dm_stand_in.rules import check_parameters, recipients
from passpost_aliyun_dm_stand_in.signatures import Call, Gate, Key
from passpost_aliyun_dm_stand_in.wire import Incoming, Outgoing, Refused, accepted, refused
from pytest_passpost import ReadableMail, decoded


@attrs.frozen
class Sender:
    """A sender address of the account, in the one region that this imitation is.

    Attributes:
        address: The address.
        active: Whether it is verified and not frozen.
        kind: ``trigger`` or ``batch``.
    """

    address: str
    active: bool = True
    kind: str = "trigger"


@attrs.frozen(repr=False, kw_only=True)
class AcceptedMail(ReadableMail):
    """An email as the imitation took it.

    Attributes:
        parameters: All parameters as they came.
        signature: Which signature the request bore: ``3`` or ``1.0``.
    """

    parameters: Mapping[str, str] = attrs.field(factory=dict)
    signature: str = ""

    def __repr__(self) -> str:
        return "AcceptedMail(…)"


class Service:
    """Direct Mail in one region, without a network. It may be used from any thread.

    Args:
        keys: The access keys it knows, by their ids.
        senders: The sender addresses it knows.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        keys: Mapping[str, Key],
        senders: tuple[Sender, ...],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._gate = Gate(keys, clock)
        self._senders = {sender.address.lower(): sender for sender in senders}
        self._lock = threading.Lock()
        self._received: list[AcceptedMail] = []
        self._refusals: deque[Refused] = deque()
        self.account_status = 0
        """What DescAccountSummary says: 0 is normal; 1, 2, 4 and 8 are faults."""
        self.allowed = frozenset(
            {"SingleSendMail", "DescAccountSummary", "QueryMailAddressByParam"}
        )
        """The operations that the key has a right to."""

    @property
    def received(self) -> tuple[AcceptedMail, ...]:
        """The emails that were accepted: one for each recipient."""
        return tuple(self._received)

    def withdraw(self) -> tuple[AcceptedMail, ...]:
        """Return the emails that were accepted, and keep them no longer."""
        with self._lock:
            taken = tuple(self._received)
            self._received.clear()
        return taken

    def refuse_next(self, code: str, message: str, status: int, times: int) -> None:
        """Answer the next authentic calls with an error code."""
        self._refusals.extend([Refused(code, message, status)] * times)

    def answer(self, request: Incoming) -> Outgoing:
        """Answer a request."""
        with self._lock:
            try:
                return self._perform(self._gate.admit(request))
            except Refused as refusal:
                return refused(refusal)

    def _perform(self, call: Call) -> Outgoing:
        if self._refusals:
            raise self._refusals.popleft()
        operation = {
            "SingleSendMail": self._send,
            "DescAccountSummary": self._describe_account,
            "QueryMailAddressByParam": self._find_senders,
        }.get(call.action)
        if operation is None:
            raise Refused("InvalidApi.NotFound", "Specified api is not found", 404)
        if call.action not in self.allowed:
            raise Refused("Forbidden.RAM", "User not authorized to operate on the resource", 403)
        return operation(call)

    def _send(self, call: Call) -> Outgoing:
        check_parameters(call.parameters)
        sender = self._senders.get(call.parameters["AccountName"].lower())
        if sender is None:
            raise Refused(
                "InvalidMailAddress.NotFound", "The specified mailAddress does not exist."
            )
        if not sender.active:
            raise Refused("InvalidMailAddressStatus.Malformed", "The mailAddress status is wrong.")
        for recipient in recipients(call.parameters["ToAddress"]):
            self._received.append(_mail(call, recipient))
        return accepted({"EnvId": str(600_000_000_000 + len(self._received))})

    def _describe_account(self, call: Call) -> Outgoing:
        _no_other(call, ())
        return accepted(
            {
                "UserStatus": self.account_status, "DailyQuota": 2000, "MonthQuota": 60_000,
                "QuotaLevel": 2, "MailAddresses": len(self._senders), "Domains": 1,
            }
        )  # fmt: skip

    def _find_senders(self, call: Call) -> Outgoing:
        _no_other(call, ("KeyWord", "PageNo", "PageSize", "Sendtype"))
        word = call.parameters.get("KeyWord", "").lower()
        found = [
            {
                "AccountName": sender.address, "AccountStatus": "0" if sender.active else "1",
                "DomainStatus": "0", "Sendtype": sender.kind,
            }
            for name, sender in self._senders.items()
            if word in name
        ]  # fmt: skip
        return accepted({"TotalCount": len(found), "data": {"mailAddress": found}})


def _no_other(call: Call, known: tuple[str, ...]) -> None:
    if not set(call.parameters) <= set(known):
        raise Refused("InvalidParameter", "A parameter is not known")


def _mail(call: Call, recipient: str) -> AcceptedMail:
    parameters = call.parameters
    headers = json.loads(parameters.get("Headers", "{}"))
    return AcceptedMail(
        sender=str(Address(parameters["AccountName"], parameters.get("FromAlias", ""))),
        recipient=recipient,
        subject=decoded(parameters["Subject"]),
        text=parameters.get("TextBody"),
        html=parameters.get("HtmlBody"),
        reply_to=parameters.get("ReplyAddress"),
        message_id=headers.get("Message-ID"),
        headers=headers,
        parameters=dict(parameters),
        signature=call.version,
    )
