from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.utils.translation import override

import passpost
import passpost_django
from pytest_passpost import Fault, SmtpServer, reply

WriteFile = Callable[..., Path]


def codes(server: SmtpServer) -> list[str]:
    return [one.message.get_content().strip() for one in server.mails]


def test_a_template_of_the_settings_in_the_active_language(server: SmtpServer, file: Path) -> None:
    for language in ("zh-hans", "zh-cn", "zh-hant", None):
        with override(language):
            passpost_django.send("ada@example.com", "SignIn", {"code": "493817"})
    with override("zh-hans"):
        passpost_django.send("ada@example.com", "SignIn", {"code": "1"}, locale="en")
    chinese, english = "您的验证码", "Your code"
    subjects = [one.message["subject"] for one in server.mails]
    assert subjects == [chinese, chinese, english, english, english]
    assert codes(server) == ["493817"] * 4 + ["1"]


def test_the_other_parts_of_a_message(server: SmtpServer, file: Path) -> None:
    passpost_django.send(
        "ada@example.com",
        "SignIn",
        {"code": "1"},
        reply_to="help@example.com",
        headers={"X-A": "b"},
    )
    assert server.mails[0].message["reply-to"] == "help@example.com"


def test_from_an_asynchronous_view(server: SmtpServer, file: Path) -> None:
    async def several() -> list[passpost.Receipt]:
        payloads = [{"code": str(number)} for number in range(4)]
        sends = (passpost_django.asend("ada@example.com", "SignIn", one) for one in payloads)
        return await asyncio.gather(*sends)

    # Each call has an event loop of its own, as `async_to_sync` makes one.
    assert len({receipt.message_id for one in (1, 2) for receipt in asyncio.run(several())}) == 8
    assert sorted(set(codes(server))) == ["0", "1", "2", "3"]


def test_an_alias_has_its_own_file(server: SmtpServer, write: WriteFile) -> None:
    own = write("own.jsonc", templates=[{"usageType": "SignIn", "subject": "Own", "content": "x"}])
    aliases: dict[str, Any] = {"codes": {"OPTIONS": {"file": own}}, "default": {}}
    with override_settings(MAILERS=aliases, PASSPOST_FILE=write()):
        passpost_django.send("ada@example.com", "SignIn", {"code": "1"}, using="codes")
        passpost_django.send("ada@example.com", "SignIn", {"code": "1"})
        with pytest.raises(ImproperlyConfigured, match="no alias 'other'"):
            passpost_django.mailer("other")
    assert [one.message["subject"] for one in server.mails] == ["Own", "Your code"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_mailer_made_and_used_before_a_fork(server: SmtpServer, file: Path) -> None:
    passpost_django.send("ada@example.com", "SignIn", {"code": "0"})
    child = os.fork()
    if not child:
        try:
            passpost_django.send("ada@example.com", "SignIn", {"code": "1"})
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    passpost_django.send("ada@example.com", "SignIn", {"code": "2"})
    assert codes(server) == ["0", "1", "2"]


def payloads_in(error: BaseException) -> list[str]:
    """Return the frames of passpost and of this package in which a local variable has the code."""
    found, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "/src/passpost" in code.co_filename and "493817" in repr(trace.tb_frame.f_locals):
            found.append(code.co_qualname)
        trace = trace.tb_next
    return found


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("mistake", ["recipient", "message", "language"])
def test_no_frame_has_the_payload(
    server: SmtpServer, file: Path, mistake: str, *, asynchronous: bool
) -> None:
    server.script(Fault("rcpt", reply("550 5.1.1 No such user"), optional=True))
    payload = {"code": "493817"} if mistake != "message" else {"code": object(), "a": "493817"}
    to = "ada@example.com" if mistake != "language" else "493817"
    with pytest.raises(passpost.PasspostError) as caught:  # noqa: PT012 - one of two calls
        if asynchronous:
            asyncio.run(passpost_django.asend(to, "SignIn", payload))
        else:
            passpost_django.send(to, "SignIn", payload)
    assert caught.value.__traceback__ is not None
    assert payloads_in(caught.value) == []


IMPORTS = """
import sys
from django.conf import settings
settings.configure(INSTALLED_APPS=["passpost_django"], PASSPOST_FILE="missing.jsonc")
import passpost_django, django
django.setup()
names = {name.partition(".")[0] for name in sys.modules}
print(*sorted(name for name in names if name.startswith(("passpost", "allauth", "httpx", "click"))))
print(*(name in sys.modules for name in ("passpost._mailers", "passpost._templates", "pluggy")))
"""


def test_importing_loads_no_connector_and_no_mailer() -> None:
    command = [sys.executable, "-c", IMPORTS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    packages, modules = done.stdout.splitlines()
    assert packages == "passpost passpost_django"
    assert modules.split() == ["False"] * 3
