from __future__ import annotations

import pytest

from passpost.config import HostName, Invalid, is_placeholder


@pytest.mark.parametrize(
    "host",
    [
        "smtp.gmail.com",
        "localhost",
        "mail_server",
        "smtp.example.com.",
        "xn--bcher-kva.example",
        "bücher.example",
        "邮件.example",
        "192.0.2.7",
        "::1",
        "2001:db8::25",
        "fe80::1%eth0",
        "1and1.example",
        ".".join(["a" * 63] * 4),
        "< SMTP-service-address >",
        "<邮件服务器>",
    ],
)
def test_takes_a_host_name(host: str) -> None:
    taken = HostName.from_setting(host)
    assert taken == host
    assert isinstance(taken, HostName)


@pytest.mark.parametrize(
    ("host", "remedy"),
    [
        ("", "write a name such as"),
        (".", "write a name such as"),
        ("a..b", "write a name such as"),
        ("-a.example", "write a name such as"),
        ("a" * 64, "write a name such as"),
        (".".join(["a" * 63, "a" * 63, "a" * 63, "a" * 62, "a"]), "write a name such as"),
        ("127.1", "write a name such as"),
        ("300.1.1.1", "write a name such as"),
        ("a b", "write a name such as"),
        ("a,b", "write a name such as"),
        ("ü" * 64, "write a name such as"),
        ("smtp.gmail.com ", "remove the spaces"),
        (" smtp.gmail.com", "remove the spaces"),
        ("smtp://smtp.gmail.com", "without scheme"),
        ("ada@smtp.gmail.com", "without scheme"),
        ("smtp.gmail.com:587", "the port is a setting"),
        ("[::1]:25", "the port is a setting"),
        ("[::1]", "without brackets"),
        (7, "double quotes"),
    ],
)
def test_refuses_what_is_no_host_name(host: object, remedy: str) -> None:
    with pytest.raises(Invalid) as caught:
        HostName.from_setting(host)
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("char", ["\0", "\n", "\r", "\u0085", "\u2028", "\u760a", "\u760d"])
def test_names_a_control_character(char: str) -> None:
    with pytest.raises(Invalid, match=f"U\\+{ord(char):04X} at character 2"):
        HostName.from_setting(f"a{char}b")


def test_knows_addresses_and_ascii_forms() -> None:
    assert HostName("::1").is_address
    assert HostName("::1").ascii == "::1"
    assert not HostName("bücher.example").is_address
    assert HostName("bücher.example").ascii == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("< your-gmail-address >", True),
        ("< your-gmail-address > ", True),
        ("<x>", True),
        ("<ada@example.com>", False),
        ("Ada <ada@example.com>", False),
        ("<a><b>", False),
        ("a", False),
    ],
)
def test_tells_a_placeholder(text: str, is_one: bool) -> None:
    assert is_placeholder(text) is is_one
