"""The function that the guide gives to services verifies what the connector sends."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from passpost_webhook import hooks
from passpost_webhook_stand_in.server import OTHER_SECRET, SECRET, StandIn

pytestmark = pytest.mark.anyio

GUIDES = hooks.connector_info().guide


def block(language: str, kind: str) -> str:
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", GUIDES[language], re.MULTILINE | re.DOTALL)
    assert isinstance(found, str)
    return found


def verified(*args: Any) -> Any:
    names: dict[str, Any] = {}
    exec(block("en", "python"), names)  # noqa: S102 - the guide's own example
    return names["verified"](*args)


@pytest.fixture
async def request_(
    service: StandIn, configure: Any, make_mail: Any
) -> tuple[dict[str, str], bytes]:
    config = configure(previousSecret=OTHER_SECRET)
    async with hooks.open_session(config) as session:
        await hooks.send_mail(config, session, make_mail())
    (request,) = service.server.requests
    return dict(request.headers), request.body


async def test_a_request_is_verified(request_: Any) -> None:
    headers, body = request_
    for secret in (SECRET, OTHER_SECRET):
        assert verified(headers, body, secret) == json.loads(body)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"webhook-id": "msg_other"}, "no signature matches"),
        ({"webhook-timestamp": "1700000000"}, "too old"),
        ({"webhook-timestamp": "4000000000"}, "from the future"),
        ({"webhook-signature": "v1,é"}, "no signature matches"),
    ],
)
async def test_a_forged_request_is_not(request_: Any, change: dict[str, str], says: str) -> None:
    headers, body = request_
    with pytest.raises(ValueError, match=says):
        verified({**headers, **change}, body, SECRET)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_a_request_without_a_header_is_not(request_: Any, missing: str) -> None:
    headers, body = request_
    del headers[missing]
    with pytest.raises(ValueError, match=r"no signature matches|too old"):
        verified(headers, body, SECRET)


async def test_another_body_is_not(request_: Any) -> None:
    headers, body = request_
    with pytest.raises(ValueError, match="no signature matches"):
        verified(headers, body + b" ", SECRET)
    with pytest.raises(ValueError, match="no signature matches"):
        verified(headers, body, "whsec_" + "A" * 44)


async def test_the_guide_shows_what_is_sent(request_: Any) -> None:
    headers, body = request_
    shown = json.loads(block("en", "json"))
    assert list(shown) == list(json.loads(body))
    named = {line.partition(":")[0] for line in block("en", "http").splitlines()[1:]}
    assert named <= set(headers)


@pytest.mark.parametrize("kind", ["python", "http"])
def test_both_languages_have_the_same_code(kind: str) -> None:
    assert block("en", kind) == block("zh-CN", kind)


def test_the_secret_that_the_guide_makes_is_one() -> None:
    command = re.search(r'^python -c "(.*)"$', GUIDES["en"], re.MULTILINE)
    assert command is not None
    printed: list[str] = []
    exec(command[1], {"print": printed.append})  # noqa: S102 - the guide's own example
    hooks.parse_config({"url": "https://a.example", "secret": printed[0]})
