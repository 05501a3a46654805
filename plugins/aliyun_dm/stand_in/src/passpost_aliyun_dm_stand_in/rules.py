"""What the service asks of the parameters of SingleSendMail."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from passpost_aliyun_dm_stand_in.wire import Refused

MAX_BODY: Final = 8 * 1024 * 1024

_ADDRESS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TAG: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_STANDARD: Final = frozenset({"message-id", "list-unsubscribe", "list-unsubscribe-post"})
_REQUIRED: Final = ("AccountName", "AddressType", "ReplyToAddress", "Subject", "ToAddress")


def check_parameters(parameters: Mapping[str, str]) -> None:
    """Check all but whether the sender exists; unlike the service, reject what is not known.

    Raises:
        Refused: A parameter is missing, unknown or wrong.
    """
    for name in _REQUIRED:
        if not parameters.get(name):
            raise Refused("MissingParameter", f"{name} is mandatory for this action")
    if bool(parameters.get("HtmlBody")) == bool(parameters.get("TextBody")):
        raise Refused("InvalidBody", "The specified textBody or htmlBody is wrongly formed")
    for name, value in parameters.items():
        valid, code = _RULES.get(name, (_never, "InvalidParameter"))
        if not valid(value):
            raise Refused(code, f"The specified {name} is wrongly formed")


def recipients(value: str) -> list[str]:
    """Split ToAddress as the service does: each part gets the email."""
    return value.split(",")


def _never(_: str) -> bool:
    return False


def _is_address(value: str) -> bool:
    return _ADDRESS.fullmatch(value) is not None


def _are_recipients(value: str) -> bool:
    parts = recipients(value)
    return len(parts) <= 100 and all(_is_address(part) for part in parts)  # noqa: PLR2004 - theirs


def _line(limit: int) -> Callable[[str], bool]:
    return lambda value: 0 < len(value) <= limit and _CONTROL.search(value) is None


def _one_of(*values: str) -> Callable[[str], bool]:
    return lambda value: value in values


def _is_body(value: str) -> bool:
    return 0 < len(value.encode()) <= MAX_BODY


def _are_headers(value: str) -> bool:
    try:
        headers = json.loads(value)
    except ValueError:
        return False
    if not isinstance(headers, dict) or len(headers) > 10:  # noqa: PLR2004 - the service's limit
        return False
    return all(_is_header(name, text) for name, text in headers.items())


def _is_header(name: str, value: object) -> bool:
    known = name.lower() in _STANDARD or name.lower().startswith("x-user-")
    return known and isinstance(value, str) and value.isascii() and value.isprintable()


_RULES: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = {
    "AccountName": (_is_address, "InvalidMailAddress.NotFound"),
    "AddressType": (_one_of("0", "1"), "InvalidParameter"),
    # The SDK for Python writes Python's own True and False.
    "ReplyToAddress": (lambda value: value.lower() in {"true", "false"}, "InvalidParameter"),
    "ToAddress": (_are_recipients, "InvalidToAddress"),
    "Subject": (_line(256), "InvalidSubject.Malformed"),
    "HtmlBody": (_is_body, "InvalidBody"),
    "TextBody": (_is_body, "InvalidBody"),
    "FromAlias": (_line(15), "InvalidFromAlias.Malformed"),
    "ReplyAddress": (_is_address, "InvalidReplyAddress.Malformed"),
    "ReplyAddressAlias": (_line(256), "InvalidReplyAddressAlias.Malformed"),
    "TagName": (lambda value: _TAG.fullmatch(value) is not None, "InvalidTagName.Malformed"),
    "ClickTrace": (_one_of("0", "1"), "InvalidParameter"),
    "Headers": (_are_headers, "InvalidParameter"),
}
