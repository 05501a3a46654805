"""Test emails: marked wherever their content comes from, with a code that is not valid."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import attrs
import pytest

import passpost
from passpost import Capability, config
from passpost_tools.providers import PROVIDERS, provider_of
from passpost_tools.trial import CODE, HEADER, Trial, send_test

pytestmark = pytest.mark.anyio

ALL = frozenset(Capability) - {Capability.PROVIDER_TEMPLATES}
TEMPLATES = [
    {"usageType": "SignIn", "subject": "Sign in", "content": "{{name}}: {{code}}"},
    {"usageType": "SignIn", "locale": "zh", "subject": "登录", "content": "{{code}}"},
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@attrs.frozen(kw_only=True)
class AcmeConfig(config.ConnectorConfig):
    host: str = config.field(default="mail.acme.example")
    from_email: passpost.Address = config.field(default=passpost.Address("no-reply@acme.example"))

    @property
    def sender(self) -> passpost.Address:
        return self.from_email


class Acme:
    """A connector that keeps what it sends."""

    def __init__(
        self,
        capabilities: frozenset[Capability] = ALL,
        deliveries: Mapping[str, str] | None = None,
        error: passpost.SendError | None = None,
    ) -> None:
        self.mails: list[passpost.Mail] = []
        self.capabilities = capabilities
        self.deliveries = deliveries or {}
        self.error = error

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        return passpost.ConnectorInfo(
            id="acme",
            name={"en": "Acme"},
            description={"en": "Keeps emails."},
            config_class=AcmeConfig,
            capabilities=self.capabilities,
            deliveries=self.deliveries,
        )

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> AcmeConfig:
        return config.parse(AcmeConfig, settings)

    @passpost.hookimpl
    async def send_mail(self, mail: passpost.Mail) -> passpost.Receipt:
        self.mails.append(mail)
        if self.error is not None:
            raise self.error
        return passpost.Receipt("id-7", f"250 queued {mail.payload['code']}")


def application(acme: Acme, templates: list[dict[str, Any]], **own: Any) -> passpost.Application:
    host = passpost.Host(installed_extensions=())
    host.register(acme)
    connector = host.configure("acme", {"templates": templates, **own})
    return passpost.Application(connectors=(connector,), policy=passpost.Policy())


async def tried(acme: Acme, templates: list[dict[str, Any]] = TEMPLATES, **given: Any) -> Trial:
    return await send_test(application(acme, templates), "ada@example.com", **given)


def html(content: str) -> list[dict[str, Any]]:
    return [
        {"usageType": "Generic", "subject": "s", "content": content, "contentType": "text/html"}
    ]


async def test_a_test_is_marked_in_the_language_of_its_reader() -> None:
    acme = Acme()
    await tried(acme, usage="SignIn")
    await tried(acme, usage="SignIn", locale="zh-CN")
    english, chinese = acme.mails
    assert english.subject == "[Test] Sign in"
    assert english.text == f"This is a test email. Its code is not valid.\n\n{{{{name}}}}: {CODE}"
    assert english.headers[HEADER] == "yes"
    assert english.to.address == "ada@example.com"
    assert chinese.subject == "【测试】登录"
    assert chinese.text == f"这是一封测试邮件，其中的验证码无效。\n\n{CODE}"


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("<b>{{code}}</b>", "|<b>000000</b>"),
        ("<!doctype html><p>a</p>", "<!doctype html>|<p>a</p>"),
        ("<html><head></head>a", "<html><head></head>|a"),
        ('<html><body class="a>b">a</body>', '<html><body class="a>b">|a</body>'),
        (
            "<!--[if mso]><body><![endif]--><html><body >a<!-- </head> -->",
            "<!--[if mso]><body><![endif]--><html><body >|a<!-- </head> -->",
        ),
    ],
)
async def test_html_is_marked_where_it_shows(content: str, shown: str) -> None:
    acme = Acme()
    await tried(acme, html(content))
    line = "<p>This is a test email. Its code is not valid.</p>"
    assert acme.mails[0].html == shown.replace("|", line)


async def test_no_connector_is_asked_for_a_header_that_it_cannot_add() -> None:
    acme = Acme(ALL - {Capability.HEADERS})
    assert (await tried(acme)).marked
    assert acme.mails[0].headers == {}


async def test_a_template_at_the_provider_stays_as_it_is() -> None:
    acme = Acme(frozenset({Capability.PROVIDER_TEMPLATES}))
    trial = await tried(acme, [], payload={"name": "Ada", "code": "739206"})
    assert not trial.marked
    (mail,) = acme.mails
    assert (mail.usage, mail.subject, mail.text) == ("Generic", None, None)
    assert mail.payload == {"name": "Ada", "code": CODE}


async def test_the_settings_decide_about_the_usage() -> None:
    acme = Acme()
    await tried(acme)
    await tried(acme, [*TEMPLATES, {**TEMPLATES[0], "usageType": "Generic"}])
    assert [mail.usage for mail in acme.mails] == ["SignIn", "Generic"]


async def test_a_subject_stays_short_enough_to_send() -> None:
    acme = Acme()
    await tried(acme, [{**TEMPLATES[0], "subject": "s" * 995}])
    assert acme.mails[0].subject == "s" * 995


async def test_it_says_what_came_back_and_where_to_look() -> None:
    trial = await tried(Acme(deliveries={"en": "Activity at Acme", "zh-CN": "Acme 的动态"}))
    assert trial.receipt.provider_id == "id-7"
    assert trial.receipt.response == "250 queued ***"
    assert trial.places == (
        "the inbox of ada@example.com",
        "the spam folder of ada@example.com: then check SPF and DKIM",
        "Activity at Acme",
    )
    trial = await tried(Acme(deliveries={"zh-CN": "Acme 的动态", "en": ""}), language="zh-CN")
    assert trial.places[0] == "ada@example.com 的收件箱"
    assert trial.places[2] == "Acme 的动态"


async def test_a_mailbox_gets_a_report_where_the_provider_shows_nothing() -> None:
    trial = await tried(Acme())
    assert trial.places[2] == "the inbox of no-reply@acme.example, for a report of failed delivery"


async def test_a_provider_is_known_by_its_server() -> None:
    known = application(Acme(), TEMPLATES, host="smtp.sendgrid.net")
    trial = await send_test(known, "ada@example.com")
    assert trial.places[2] == "Activity in SendGrid's console"
    assert sum(bool(one.deliveries) for one in PROVIDERS) == 6
    postmark = provider_of("smtp.postmarkapp.com")
    assert postmark is not None
    assert "Postmark" in postmark.deliveries


async def test_a_failure_is_the_mailers_own() -> None:
    error = passpost.SendError("no such user", outcome="rejected", scope="recipient")
    with pytest.raises(passpost.SendError, match="no such user"):
        await tried(Acme(error=error))
    with pytest.raises(passpost.MessageError, match="to: not a valid email address"):
        await send_test(application(Acme(), TEMPLATES), "ada@example.com, bob@example.com")


def test_it_requires_no_extra() -> None:
    program = "import sys, passpost_tools.trial; assert 'dns' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
