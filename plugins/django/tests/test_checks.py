from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings
from django.utils.translation import override

from passpost_django.checks import check_deployment, check_settings
from pytest_passpost import SmtpServer

WriteFile = Callable[..., Path]
OURS = "passpost_django.EmailBackend"


def ids(found: list[checks.CheckMessage]) -> list[str]:
    return [one.id or "" for one in found]


def test_nothing_is_wrong_and_nothing_connects(server: SmtpServer, file: Path) -> None:
    assert check_settings() == []
    assert check_deployment() == []
    assert server.connections == []


def test_the_problems_of_the_file_with_their_places(write: WriteFile) -> None:
    file = write(smtp={"prot": 25, "auth": {"user": "a", "pass": {"text": "canary-password"}}})
    with override_settings(PASSPOST_FILE=file):
        found = check_settings()
    unknown = next(one for one in found if one.id == "passpost.E101")
    assert isinstance(unknown, checks.Error)
    assert unknown.msg == "connectors.primary.settings.prot: unknown setting"
    assert unknown.hint == "did you mean `port`?"
    assert unknown.obj.startswith(f"{file}:1:")
    assert "canary-password" not in "".join(map(str, found))


def test_it_speaks_the_language_that_is_active(write: WriteFile) -> None:
    file = write(smtp={"prot": 25})
    file.chmod(0o604)
    admins = ["a@example.com", "b@example.com"]
    with override_settings(PASSPOST_FILE=file, ADMINS=admins), override("zh-hans"):
        found = {one.id: one for one in [*check_settings(), *check_deployment()]}
    unknown, people = found["passpost.E101"], found["passpost_django.W002"]
    assert (unknown.msg, unknown.hint) == (
        "connectors.primary.settings.prot: 未知的配置项",
        "是否想写 `port`？",
    )
    assert people.msg == "ADMINS 有多个地址，而邮件后端拒绝多个收件人的邮件"
    assert found["passpost_django.W003"].hint == "请对该文件执行 `chmod o-r`。"
    with override("zh-hans"):
        (missing,) = check_settings()
    assert missing.msg.startswith("passpost 没有配置文件：")


def test_warnings_are_warnings(write: WriteFile) -> None:
    with override_settings(PASSPOST_FILE=write(smtp={"fromEmail": "<your-address>"})):
        found = check_settings()
        deployed = check_deployment()
    assert {type(one) for one in found} == {checks.Warning}
    assert ids(deployed) == ["passpost_django.E004"]


def test_manage_py_check_runs_it(write: WriteFile) -> None:
    file = write(connectors={})
    with override_settings(PASSPOST_FILE=file), pytest.raises(SystemCheckError) as caught:
        call_command("check", "--tag", "passpost", stdout=io.StringIO())
    assert "(passpost.E" in str(caught.value)


def test_a_file_that_is_missing_or_not_set(tmp_path: Path) -> None:
    assert ids(check_settings()) == ["passpost_django.E001"]
    with override_settings(PASSPOST_FILE=tmp_path / "missing.jsonc"):
        assert ids(check_settings()) == ["passpost.E019"]
        assert check_deployment() == []


def test_each_alias_that_sends_through_passpost(write: WriteFile) -> None:
    elsewhere = {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    broken = {"BACKEND": "no.such.Backend"}
    codes = {"BACKEND": OURS, "OPTIONS": {"file": write("codes.jsonc", connectors={})}}
    with override_settings(MAILERS={"default": elsewhere, "codes": codes, "broken": broken}):
        (problem,) = check_settings()
        assert problem.obj.startswith(str(codes["OPTIONS"]["file"]))  # type: ignore[index]  # of a mapping
    with override_settings(MAILERS={"default": elsewhere, "codes": {"BACKEND": OURS}}):
        assert ids(check_settings()) == ["passpost_django.E001"]


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("DEFAULT_FROM_EMAIL", "shop@example.com", ["passpost_django.W001"]),
        ("DEFAULT_FROM_EMAIL", "nobody", ["passpost_django.W001"]),
        ("DEFAULT_FROM_EMAIL", "no-reply@example.com", []),
        ("ADMINS", ["a@example.com", "b@example.com"], ["passpost_django.W002"]),
        ("MANAGERS", ["a@example.com"], []),
        ("PASSPOST_BASE_URL", "", ["passpost_django.E003"]),
        ("PASSPOST_BASE_URL", "https://www.example.com/path", ["passpost_django.E003"]),
        ("PASSPOST_BASE_URL", "ftp://www.example.com", ["passpost_django.E003"]),
        ("PASSPOST_BASE_URL", "http://127.0.0.1:8000/", []),
        ("ACCOUNT_ADAPTER", "allauth.account.adapter.DefaultAccountAdapter", []),
        ("ACCOUNT_ADAPTER", None, []),
    ],
)
def test_what_django_adds(file: Path, setting: str, value: Any, expected: list[str]) -> None:
    with override_settings(**{setting: value}):
        assert ids(check_settings()) == expected


def test_a_file_that_everybody_can_read(file: Path) -> None:
    file.chmod(0o604)
    assert ids(check_deployment()) == ["passpost_django.W003"]


def test_a_broken_connector(write: WriteFile) -> None:
    file = write(connectors={"primary": {"use": "smpt", "settings": {}}})
    with override_settings(PASSPOST_FILE=file):
        assert ids(check_settings()) == ["passpost.E401"]
