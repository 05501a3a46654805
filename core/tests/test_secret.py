from __future__ import annotations

import copy
import json
import logging
import pickle

import attrs
import pytest

from passpost import Secret

CANARY = "c4nary-p4ssword"


@attrs.frozen
class Config:
    password: Secret


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{!r:>20}".format,
        "{:>20}".format,
        lambda secret: f"{secret} {secret!s} {secret:x^9}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - one of the ways to show it
        lambda secret: str([secret, {"a": secret}]),
        lambda secret: repr(Config(secret)),
        lambda secret: repr(attrs.asdict(Config(secret))),
        lambda secret: json.dumps({"a": [secret]}, default=str),
        lambda secret: repr(pickle.loads(pickle.dumps(secret)).reveal()),  # noqa: S301 - made on the spot
        lambda secret: repr(logging.makeLogRecord({"msg": "%s", "args": (secret,)}).getMessage()),
    ],
)
def test_secret_shows_itself_to_nobody(show: object) -> None:
    assert callable(show)
    shown = show(Secret(CANARY))
    assert CANARY not in shown
    assert "***" in shown


def test_secret_is_not_in_its_pickle() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert CANARY.encode() not in pickle.dumps(Secret(CANARY), protocol)


def test_secret_is_revealed_on_request() -> None:
    assert Secret(CANARY).reveal() == CANARY


def test_copies_within_the_process_are_the_secret() -> None:
    secret = Secret(CANARY)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


@pytest.mark.parametrize("text", [CANARY, "", "пароль", "\ud800"])
def test_equal_secrets_are_equal(text: str) -> None:
    assert Secret(text) == Secret(text)
    assert hash(Secret(text)) == hash(Secret(text))
    assert Secret(text) != Secret(text + "x")
    assert Secret(text) != text
    assert bool(Secret(text)) == bool(text)


def test_secret_has_no_other_attributes() -> None:
    assert not hasattr(Secret(CANARY), "__dict__")


@pytest.mark.parametrize("value", [None, 5, b"hidden", ["hidden"]])
def test_secret_is_text(value: object) -> None:
    with pytest.raises(TypeError, match=f"a secret is text, not {type(value).__name__}") as caught:
        Secret(value)  # type: ignore[arg-type]  # that it is rejected is the point
    assert "hidden" not in str(caught.value)


def test_json_alone_rejects_a_secret() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(CANARY))
