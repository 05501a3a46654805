from __future__ import annotations

from typing import Any

import pytest

from passpost._messages.headers import MAX_VALUE, RESERVED, check_name, check_value, frozen_headers


@pytest.mark.parametrize(
    "name", ["X-Campaign", "List-Unsubscribe", "x", "!#$%&'*+.^_`|~1", "X" * 76]
)
def test_names_of_headers(name: str) -> None:
    assert check_name(name) is None
    assert frozen_headers({name: "v"}) == {name: "v"}


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\n", "Ü", "X" * 77, " X", "\x7f", "X\u760a"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 76 printable ASCII characters"):
        frozen_headers({name: "v"})


@pytest.mark.parametrize(
    "name",
    [
        "To",
        "BCC",
        "Subject",
        "message-id",
        "Content-Type",
        "DKIM-Signature",
        "Reply-To",
        "Date",
        "ARC-Seal",
        "Authentication-Results",
        "Apparently-To",
    ],
)
def test_headers_of_the_mail_itself_are_reserved(name: str) -> None:
    assert name.lower() in RESERVED
    with pytest.raises(ValueError, match="made by passpost and cannot be set"):
        frozen_headers({name: "v"})


@pytest.mark.parametrize(
    "name", ["X-SMTPAPI", "X-MC-BccAddress", "X-PM-Bcc", "X-Receiver", "x-rcpt-to", "Envelope-To"]
)
def test_headers_that_give_orders_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="gives orders to servers"):
        frozen_headers({name: "v"})


@pytest.mark.parametrize(
    "character", ["\n", "\r", "\0", "\t", "\x85", "\u2028", "\u760a", "\u760d", "\ud800"]
)
def test_values_are_single_lines(character: str) -> None:
    refused = f"X-A: U\\+{ord(character):04X} at character 7 is not allowed in a header"
    with pytest.raises(ValueError, match=refused) as caught:
        frozen_headers({"X-A": f"hidden{character}Bcc: a@b.org"})
    assert "hidden" not in str(caught.value)


def test_values_have_an_end() -> None:
    assert check_value("v" * MAX_VALUE) is None
    with pytest.raises(ValueError, match="X-A: a header's value has at most 2000 characters"):
        frozen_headers({"X-A": "v" * (MAX_VALUE + 1)})


@pytest.mark.parametrize(
    "headers", [None, "X-A: b", [("X-A", "b")], {"X-A": 1}, {1: "b"}, {"X-A": ["b"]}, {"X-A": b"b"}]
)
def test_headers_map_names_to_texts(headers: Any) -> None:
    with pytest.raises(ValueError, match="a mapping of names to texts"):
        frozen_headers(headers)


def test_one_header_in_two_spellings_is_refused() -> None:
    with pytest.raises(ValueError, match="twice in different spellings"):
        frozen_headers({"X-A": "1", "x-a": "2"})


def test_headers_are_a_copy_that_cannot_be_changed() -> None:
    headers = {"X-A": "1", "X-Ü"[:2] + "B": "é"}
    frozen = frozen_headers(headers)
    headers["X-A"] = "2"
    assert frozen == {"X-A": "1", "X-B": "é"}
    with pytest.raises(TypeError):
        frozen["X-A"] = "3"  # type: ignore[index]  # that it cannot be set is the point
    assert frozen_headers({}) == {}
