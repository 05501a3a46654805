from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from passpost.config import Invalid, is_placeholder
from passpost_webhook.signature import SigningSecret, signatures

# The vector of the specification's own libraries (standard-webhooks/standard-webhooks, libraries).
SECRET = SigningSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
SECONDS = 1614265330
BODY = b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def secret(octets: bytes) -> str:
    return f"whsec_{base64.b64encode(octets).decode()}"


def test_the_published_vector() -> None:
    assert signatures([SECRET], ID, SECONDS, BODY) == SIGNED


def test_each_secret_signs() -> None:
    other = SigningSecret(secret(b"x" * 32))
    both = signatures([other, SECRET], ID, SECONDS, BODY).split(" ")
    assert both == [signatures([other], ID, SECONDS, BODY), SIGNED]


@given(key=st.binary(min_size=24, max_size=64), text=st.text())
def test_the_reference_library_accepts_ours(key: bytes, text: str) -> None:
    ours = SigningSecret.from_setting(secret(key))
    now = dt.datetime.now(dt.UTC)
    body = text.encode("utf-8", "replace")
    seconds = int(now.timestamp())
    theirs = standardwebhooks.Webhook(secret(key))
    signed = signatures([ours], "msg_1", seconds, body)
    assert theirs.sign("msg_1", now, body.decode()) == signed


@pytest.mark.parametrize(
    "value",
    [
        7,
        None,
        "",
        "whsec_",
        secret(b"x" * 32).removeprefix("whsec_"),
        secret(b"x" * 23),
        secret(b"x" * 65),
        secret(b"x" * 32)[:-2],
        secret(b"x" * 32) + "\n",
        "whsec_" + "é" * 40,
        "whsec_" + base64.urlsafe_b64encode(b"\xff" * 33).decode(),
        "whsk_" + base64.b64encode(b"x" * 32).decode(),
    ],
)
def test_what_is_no_secret(value: Any) -> None:
    with pytest.raises(Invalid) as caught:
        SigningSecret.from_setting(value)
    assert not value or str(value).removeprefix("whsec_") not in str(caught.value).split(" ")


@pytest.mark.parametrize("size", [24, 32, 64])
def test_secrets(size: int) -> None:
    made = SigningSecret.from_setting(secret(b"k" * size))
    assert made.key == b"k" * size
    assert "a2tr" not in f"{made}{made!r}"


def test_a_placeholder_may_stand_for_a_secret() -> None:
    assert is_placeholder(SigningSecret.from_setting("<your-secret>").reveal())
