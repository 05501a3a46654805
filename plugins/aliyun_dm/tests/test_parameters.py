from __future__ import annotations

import json
from typing import Any

import pytest

from passpost import Address, SendError
from passpost_aliyun_dm.parameters import parameters

# Line ends and controls, their disguises, and code points that become CR or LF when cut to 8 bits.
REFUSED = [
    "\r",
    "\n",
    "\r\n",
    "\0",
    "\t",
    "\x0b",
    "\x7f",
    "\x85",
    "\u2028",
    "\u2029",
    "\u760a",
    "\u760d",
]


def refusal(config: Any, mail: Any) -> SendError:
    with pytest.raises(SendError) as caught:
        parameters(config, mail)
    assert caught.value.outcome == "rejected"
    assert not caught.value.temporary
    return caught.value


def test_a_mail_becomes_parameters(configure: Any, make_mail: Any) -> None:
    assert parameters(configure(), make_mail()) == {
        "AccountName": "no-reply@mail.example.com",
        "AddressType": "1",
        "FromAlias": "Example",
        "Headers": '{"Message-ID": "<0123456789abcdef@mail.example.com>"}',
        "HtmlBody": "<p>Your code is 123456</p>",
        "ReplyToAddress": "false",
        "Subject": "Your code",
        "ToAddress": "ada@example.com",
    }


def test_settings_add_theirs(configure: Any, make_mail: Any) -> None:
    config = configure(
        fromAlias="", replyTo="Support <help@example.com>", tagName="sign-in", clickTrace=True
    )
    made = parameters(config, make_mail(html=None, text="123456"))
    assert "FromAlias" not in made
    assert "HtmlBody" not in made
    assert made["TextBody"] == "123456"
    assert (made["ReplyAddress"], made["ReplyAddressAlias"]) == ("help@example.com", "Support")
    assert (made["TagName"], made["ClickTrace"]) == ("sign-in", "1")


def test_a_mail_says_more_than_the_settings(configure: Any, make_mail: Any) -> None:
    mail = make_mail(
        sender=Address("accounts@mail.example.com", "Accounts"), reply_to=Address("a@example.com")
    )
    made = parameters(configure(replyTo="Support <help@example.com>"), mail)
    assert (made["AccountName"], made["FromAlias"]) == ("accounts@mail.example.com", "Accounts")
    assert made["ReplyAddress"] == "a@example.com"
    assert "ReplyAddressAlias" not in made


def test_a_sender_without_a_name_takes_that_of_the_settings(configure: Any, make_mail: Any) -> None:
    made = parameters(configure(), make_mail(sender=Address("accounts@mail.example.com")))
    assert made["FromAlias"] == "Example"


def test_domains_go_in_ascii(configure: Any, make_mail: Any) -> None:
    assert parameters(configure(), make_mail(to=Address("a@bücher.example")))["ToAddress"] == (
        "a@xn--bcher-kva.example"
    )
    assert refusal(configure(), make_mail(to=Address("a@\u2260.\u2260"))).scope == "recipient"


def test_headers_are_json(configure: Any, make_mail: Any) -> None:
    mail = make_mail(headers={"List-Unsubscribe": "<https://example.com>", "X-User-Id": '"7"'})
    assert json.loads(parameters(configure(), mail)["Headers"]) == {
        "Message-ID": "<0123456789abcdef@mail.example.com>",
        "List-Unsubscribe": "<https://example.com>",
        "X-User-Id": '"7"',
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Mailer": "x"},
        {"Auto-Submitted": "auto-generated"},
        {"X-User-Name": "Ünal"},
        {"X-User-Name": "a\r\nBcc: b@example.com"},
        {f"X-User-{number}": "x" for number in range(10)},
    ],
    ids=["unknown", "standard", "not-ascii", "line-end", "too-many"],
)
def test_headers_that_the_service_would_drop_are_refused(
    configure: Any, make_mail: Any, headers: dict[str, str]
) -> None:
    assert refusal(configure(), make_mail(headers=headers)).scope == "message"


def test_nine_headers_and_the_message_id_are_taken(configure: Any, make_mail: Any) -> None:
    headers = {f"X-User-{number}": "x" for number in range(9)}
    assert len(json.loads(parameters(configure(), make_mail(headers=headers))["Headers"])) == 10


@pytest.mark.parametrize(
    ("parts", "scope"),
    [
        ({"subject": ""}, "message"),
        ({"subject": None}, "message"),
        ({"subject": "x" * 257}, "message"),
        ({"html": None}, "message"),
        ({"html": ""}, "message"),
        ({"html": None, "text": ""}, "message"),
        ({"sender": Address("a@mail.example.com", "x" * 16)}, "message"),
    ],
)
def test_limits_are_checked_before_sending(
    configure: Any, make_mail: Any, parts: dict[str, Any], scope: str
) -> None:
    assert refusal(configure(), make_mail(**parts)).scope == scope


def test_what_is_just_within_the_limits_is_taken(configure: Any, make_mail: Any) -> None:
    mail = make_mail(subject="é" * 256, sender=Address("a@mail.example.com", "名" * 15))
    made = parameters(configure(), mail)
    assert (made["Subject"], made["FromAlias"]) == ("é" * 256, "名" * 15)


@pytest.mark.parametrize(
    "address",
    [
        "a@example.com,b@example.com",
        "a@example.com;b@example.com",
        "a@example.com b@example.com",
        "<a@example.com>",
        '"a,b"@example.com',
        "a(b)@example.com",
        "a\\b@example.com",
        "nobody",
        "",
        *(f"a{character}@example.com" for character in REFUSED),
        *(f"a@example.com{character}" for character in REFUSED),
    ],
)
@pytest.mark.parametrize(
    ("part", "scope"), [("to", "recipient"), ("sender", "account"), ("reply_to", "message")]
)
def test_what_is_not_one_address_is_refused(
    configure: Any, make_mail: Any, address: str, part: str, scope: str
) -> None:
    # The class holds what it is given: a connector gets such a thing only from a faulty host.
    error = refusal(configure(), make_mail(**{part: Address(address)}))
    assert error.scope == scope
    assert not address or address not in str(error)


@pytest.mark.parametrize("character", REFUSED)
@pytest.mark.parametrize(
    "parts",
    [
        lambda text: {"subject": text},
        lambda text: {"message_id": text},
        lambda text: {"sender": Address("a@mail.example.com", text)},
        lambda text: {"reply_to": Address("a@example.com", text)},
        lambda text: {"headers": {"X-User-Name": text}},
        lambda text: {"headers": {f"X-User-{text}": "a"}},
    ],
    ids=["subject", "message-id", "sender", "reply-to", "header", "header-name"],
)
def test_control_characters_are_refused(
    configure: Any, make_mail: Any, parts: Any, character: str
) -> None:
    refusal(configure(), make_mail(**parts(f"a{character}b")))
