"""What connectors say can be said in Chinese, and shows no secret in either language."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from redis.exceptions import ResponseError

import passpost
from passpost._delivery.once import tolerate
from passpost._phrases import _ as core
from passpost._plugins.reports import Reports
from passpost.phrases import said, translated
from passpost_aliyun_dm.codes import known_fault as of_aliyun
from passpost_redis import RedisServer
from passpost_ses.errors import known_fault as of_ses
from passpost_smtp.config import SmtpConfig
from passpost_smtp.errors import refused
from passpost_smtp.reply import Reply

SECRET: Final = "canary-7f3a-secret"
CHINESE: Final = re.compile("[\u4e00-\u9fff]")

TEMPLATE: Final = {"usageType": "Generic", "subject": "Code", "content": "{{code}}"}
MISTAKES: Final[dict[str, dict[str, Any]]] = {
    "smtp": {
        "host": "smtp.example.com",
        "fromEmail": "a@example.com",
        "auth": {"user": "a"},
        "name": "not a name",
    },
    "ses": {"region": "nowhere", "accessKeyId": "short", "secretAccessKey": "x y"},
    "aliyun-dm": {"accessKeyId": "a b", "accessKeySecret": "x", "regionId": "?"},
    "webhook": {"url": "ftp://example.com", "secret": "guess"},
    "sendgrid": {"apiKey": "a b", "endpoint": "https://example.com/path?"},
}


@pytest.mark.parametrize("connector", MISTAKES)
def test_each_problem_of_a_connector_can_be_said_in_chinese(connector: str) -> None:
    with pytest.raises(passpost.ConfigError) as caught:
        passpost.Host().configure(connector, {**MISTAKES[connector]})
    for problem in caught.value.problems:
        assert problem.message.isascii()
        assert CHINESE.search(translated(problem.message, "zh-CN")), problem.message


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (of_aliyun("InvalidMailAddress.NotFound"), "发信地址"),
        (of_ses("MessageRejected"), "SES 拒绝了邮件的内容。"),
        (of_ses("LimitExceededException"), "配额"),
    ],
)
def test_a_hint_uses_the_words_of_the_providers_console(fault: Any, word: str) -> None:
    assert word in translated(fault.hint, "zh-CN")


def smtp_config() -> SmtpConfig:
    host = passpost.Host()
    settings = {"host": "smtp.example.com", "fromEmail": "a@example.com", "templates": [TEMPLATE]}
    config = host.configure("smtp", settings).config
    assert isinstance(config, SmtpConfig)
    return config


def test_the_failure_of_a_store_can_be_said_in_chinese() -> None:
    server = RedisServer(f"redis://:{SECRET}@cache.example.com:6379/0")
    failure = server._failure(ResponseError(f"MISCONF cannot run {SECRET}"))
    with pytest.raises(passpost.SendError) as caught:
        tolerate(core("idempotency store"), failure, "reject")
    text = said(caught.value)
    assert text.endswith("Redis at cache.example.com:6379 rejected a command: MISCONF")
    assert translated(text, "zh-CN").endswith(
        "出错：Redis（cache.example.com:6379）拒绝了一个命令：MISCONF"
    )
    assert "Redis 的日志" in translated(caught.value.hint, "zh-CN")
    assert SECRET not in repr(vars(caught.value)) + translated(text, "zh-CN")


@pytest.mark.anyio
async def test_a_secret_in_a_reply_is_masked_in_each_language() -> None:
    reply = Reply(535, (f"5.7.8 {SECRET} is wrong".encode(),))
    error = Reports("smtp", "passpost-smtp", [SECRET]).failure(
        refused("auth", reply, smtp_config())
    )
    text = said(error)
    assert str(error) == "smtp.example.com:587: authentication failed: 535 5.7.8 *** is wrong"
    assert translated(text, "zh-CN") == ("smtp.example.com:587：认证失败：535 5.7.8 *** is wrong")
    assert translated(error.hint, "zh-CN") == "用户名或密码错误，或账号没有开通 SMTP。"
    assert SECRET not in repr(vars(error))
