"""CPU time per email of the connector ``aliyun-dm`` beside the official SDK's, in one run.

Run it in an environment that has passpost, passpost-aliyun-dm and alibabacloud_dm20151123::

    python bench/bench_aliyun_cpu.py [mails]

Both send to the stand-in for Direct Mail in another process, which verifies each signature, over
HTTP on loopback, one email after the other. Counted is the CPU time of this process alone. The SDK
is its asynchronous client, made once, with the same signature as ours. ``connector`` is the
connector's own send, ``mailer`` the whole path: validate the message, pick the template, render it,
call the hook, send. All take turns, so that whatever else the machine does slows all of them.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from alibabacloud_dm20151123.client import Client
from alibabacloud_dm20151123.models import SingleSendMailRequest
from alibabacloud_tea_openapi.utils_models import Config
from aliyun_service import service
from darabonba.runtime import RuntimeOptions

import passpost
from passpost import Address, Mail
from passpost_aliyun_dm.hooks import open_session, parse_config, send_mail

TEXT: Final = "Your code is {{code}}. It is valid for ten minutes; give it to nobody.\n" * 8
HTML: Final = (
    '<tr><td style="padding:20px 30px;color:#333333;font-family:Arial,sans-serif">'
    "Your code is <b>{{code}}</b> &middot; 您的验证码是 <b>{{code}}</b></td></tr>\n"
) * 130
BODIES: Final = {"text": ("text/plain", TEXT), "html": ("text/html", HTML)}

GOALS: Final = {"text": 2.2, "html": 1.0}
"""At most so many times the SDK's CPU time."""

ALGORITHMS: Final = {"3": None, "1.0": "v2"}
"""What the SDK calls the signatures; the first is its default and ours."""

ROUNDS: Final = 5

Send = Callable[[], Awaitable[Any]]


def sdk(settings: dict[str, Any], kind: str, version: str = "3") -> Send:
    """Send with the official SDK."""
    client = Client(
        Config(
            access_key_id=settings["accessKeyId"],
            access_key_secret=settings["accessKeySecret"],
            endpoint=settings["endpoint"].removeprefix("http://"),
            protocol="HTTP",
            signature_algorithm=ALGORITHMS[version],
        )
    )
    body = BODIES[kind][1].replace("{{code}}", "123456")

    async def send() -> None:
        request = SingleSendMailRequest(
            account_name=settings["accountName"],
            address_type=1,
            reply_to_address=False,
            to_address="ada@example.com",
            subject="Your code 123456",
            from_alias=settings["fromAlias"],
            **{f"{kind}_body": body},
        )
        answer = await client.single_send_mail_with_options_async(request, RuntimeOptions())
        assert answer.body.env_id

    return send


def connector(session: Any, kind: str) -> Send:
    """Send with the connector's hook, an email that is rendered already."""
    body = BODIES[kind][1].replace("{{code}}", "123456")

    async def send() -> None:
        mail = Mail(
            message_id="<0123456789abcdef0123456789abcdef@mail.example.com>",
            to=Address("ada@example.com"),
            usage="SignIn",
            date=dt.datetime.now(dt.UTC),
            subject="Your code 123456",
            text=body if kind == "text" else None,
            html=body if kind == "html" else None,
        )
        assert (await send_mail(session, mail)).provider_id

    return send


def mailer(opened: passpost.AsyncMailer) -> Send:
    """Send as an application does."""

    async def send() -> None:
        message = passpost.Message(to="ada@example.com", usage="SignIn", payload={"code": "123456"})
        assert (await opened.send(message)).provider_id

    return send


async def cpu(sends: dict[str, Send], mails: int) -> dict[str, float]:
    """Return the CPU time of one email in microseconds for each: the best of some rounds."""
    times = [[await _round(send, mails) for send in sends.values()] for _ in range(ROUNDS)]
    return dict(zip(sends, map(min, *times), strict=True))


async def _round(send: Send, mails: int) -> float:
    # The first opens the connection where one is kept.
    await send()
    began = time.process_time()
    for _ in range(mails):
        await send()
    return (time.process_time() - began) / mails * 1e6


async def compare(settings: dict[str, Any], kind: str, version: str, mails: int) -> bool:
    """Measure all with one kind of email and one signature, and say whether the goal is reached."""
    content_type, content = BODIES[kind]
    template = {
        "usageType": "Generic",
        "contentType": content_type,
        "subject": "Your code {{code}}",
        "content": content,
    }
    ours = {**settings, "signatureVersion": version, "templates": [template]}
    configured = passpost.Host().configure("aliyun-dm", ours)
    async with (
        open_session(parse_config(ours)) as session,
        passpost.AsyncMailer(configured) as opened,
    ):
        sends = {
            "official SDK, async": sdk(settings, kind, version),
            "connector": connector(session, kind),
            "mailer": mailer(opened),
        }
        times = await cpu(sends, mails)
    return report(f"{kind}, {len(content.encode())} octets, signature {version}", kind, times)


def report(title: str, kind: str, times: dict[str, float]) -> bool:
    """Print the times of all, and say whether the goal is reached."""
    reference = next(iter(times.values()))
    print(f"\n{title}")
    for name, microseconds in times.items():
        print(f"  {name:24}{microseconds:8.0f} µs {microseconds / reference:6.2f}")
    reached = max(times.values()) <= GOALS[kind] * reference
    print(f"  goal: at most {GOALS[kind]} times the SDK's: {'reached' if reached else 'MISSED'}")
    return reached


def main() -> int:
    """Run the benchmark."""
    mails = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"CPU time per email, {mails} emails one after the other, best of {ROUNDS} rounds")
    with service() as settings:
        reached = [
            asyncio.run(compare(settings, kind, version, mails))
            for version in ALGORITHMS
            for kind in BODIES
        ]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
