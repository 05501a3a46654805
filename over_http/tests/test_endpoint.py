from __future__ import annotations

import pytest

from passpost.config import Invalid, is_placeholder
from passpost.http import Endpoint, WebAddress

BAD = [
    "",
    " ",
    "api.example.com ",
    "https://",
    "http://api.example.com",
    "http://10.0.0.1",
    "http://127.0.0.1.example.com",
    "ftp://api.example.com",
    "https://user:pass@api.example.com",
    "https://api.example.com?a=x",
    "https://api.example.com#x",
    "https://api.example.com\\@evil.example",
    "https://api.example.com:99999",
    "https://api.example.com:port",
    "https://api.example.com:0",
    "https://[::1",
    "https://[fe80::1%25eth0]",
    "https://api,example.com",
    "https://< your-host >",
    "api.\nexample.com",
    "api.\texample.com",
    "api.exa\u2028mple.com",
    7,
    None,
    ["api.example.com"],
]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("api.example.com", "https://api.example.com"),
        ("API.example.com:8443", "https://api.example.com:8443"),
        ("https://api.example.com/", "https://api.example.com"),
        ("邮件.example", "https://xn--5nq051n.example"),
        ("[::1]:8443", "https://[::1]:8443"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_host_or_a_url_is_an_endpoint(written: str, meant: str) -> None:
    assert Endpoint.from_setting(written) == meant


@pytest.mark.parametrize("written", [*BAD, "https://api.example.com/path", "< your-endpoint >"])
def test_anything_else_is_no_endpoint(written: object) -> None:
    with pytest.raises(Invalid) as caught:
        Endpoint.from_setting(written)
    assert "pass" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("http://localhost:1", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("api.example.com", "api.example.com"),
    ],
)
def test_an_endpoint_knows_its_host(written: str, host: str) -> None:
    assert Endpoint.from_setting(written).host == host


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://api.example.com", "https://api.example.com/"),
        ("https://API.example.com:8443/a/b", "https://api.example.com:8443/a/b"),
        ("https://邮件.example/%E9%82%AE", "https://xn--5nq051n.example/%E9%82%AE"),
        ("http://127.0.0.1:8080/hook/", "http://127.0.0.1:8080/hook/"),
    ],
)
def test_a_url_is_a_web_address(written: str, meant: str) -> None:
    assert WebAddress.from_setting(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        *BAD,
        "api.example.com",
        "https://api.example.com/a b",
        "https://api.example.com/邮",
        "https://api.example.com/%",
    ],
)
def test_anything_else_is_no_web_address(written: object) -> None:
    with pytest.raises(Invalid) as caught:
        WebAddress.from_setting(written)
    assert "pass" not in str(caught.value)


def test_a_placeholder_may_stand_for_a_web_address() -> None:
    assert is_placeholder(WebAddress.from_setting("<your-url>"))
