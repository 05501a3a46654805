"""The doctor: findings come one by one, in the reader's language, and nothing is sent."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from console_driving import SECRET, Client, Running, run

from passpost_console.pages import doctor
from passpost_tools.doctor import Diagnosis, Wishes


def finding(name: str, result: Any = "ok", **facts: Any) -> Diagnosis:
    given = {"subject": "subject", "evidence": f"evidence of {name}", "connector": "primary"}
    return Diagnosis(id=name, result=result, **{**given, **facts})


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the doctor finds, or raises; the wishes that it was asked for come first."""
    asked: list[Any] = []

    async def diagnose(application: Any, wishes: Wishes) -> AsyncGenerator[Diagnosis, None]:
        ones, asked[:] = list(asked), [[one.name for one in application.connectors], wishes]
        for one in ones:
            if isinstance(one, Exception):
                raise one
            yield one

    monkeypatch.setattr(doctor, "diagnose", diagnose)
    return asked


@pytest.fixture(autouse=True)
def _set(file: Path) -> None:
    text = file.read_text("utf-8").replace("${SENDGRID_KEY}", "SG.canary-key")
    file.write_text(text, "utf-8")


def examine(client: Client, **fields: str) -> str:
    response = client.post("/doctor", {"senders": "1", **fields})
    assert response.status_code == 200
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.text.rstrip().endswith("</html>")
    return response.text


def test_findings_are_shown_in_their_order(client: Client, found: list[Any]) -> None:
    found += [finding("one"), finding("two", "error", remedy="Do `this`.", connector="backup")]
    page = examine(client)
    assert page.index("evidence of one") < page.index("evidence of two")
    assert "<h2>primary</h2>" in page
    assert "<h2>backup</h2>" in page
    assert "Do <code>this</code>." in page
    assert "errors: 1, warnings: 0" in page
    assert found[0] == ["primary", "backup"]


def test_a_record_can_be_copied(client: Client, found: list[Any]) -> None:
    found.append(finding("spf.missing", "warning", record='example.com. TXT "v=spf1 <a> -all"'))
    page = examine(client)
    assert '<pre id="record-1" tabindex="0">example.com. TXT &#34;v=spf1 &lt;a&gt; -all' in page
    assert 'data-copies="record-1"' in page


def test_what_is_found_is_text(client: Client, found: list[Any]) -> None:
    found.append(finding("<b>", evidence="<script>1</script>", subject="<!-- findings -->"))
    page = examine(client, connector="<i>")
    assert "<script>1" not in page
    assert "<b>" not in page
    assert page.count("</html>") == 1


def test_one_connector_and_a_recipient_can_be_chosen(client: Client, found: list[Any]) -> None:
    examine(client, connector="backup", to="ada@example.com")
    assert found[0] == ["backup"]
    assert found[1] == Wishes(recipient="ada@example.com")
    client.post("/doctor", {})
    assert found[1] == Wishes(senders=False)


@pytest.mark.parametrize("to", ["ada", "a@example.com,b@example.com", "a@b.example\r\nRCPT TO: c"])
def test_an_invalid_recipient_is_reported_before_anything_is_looked_at(
    client: Client, found: list[Any], to: str
) -> None:
    response = client.post("/doctor", {"to": to})
    assert response.status_code == 422
    assert found == []


def test_the_overview_knows_how_it_went(client: Client, found: list[Any]) -> None:
    found += [finding("one"), finding("two", "error", connector="backup")]
    assert "tested" not in client.get("/").text.replace("not tested yet", "")
    examine(client)
    page = client.get("/").text
    assert page.count('<li class="badge ok" title="no faults found">tested') == 1
    assert page.count('<li class="badge error" title="errors: 1') == 1


def test_a_defect_ends_the_page_and_shows_no_text(
    client: Client, found: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    found += [finding("one"), RuntimeError("canary-in-error")]
    page = examine(client)
    assert "evidence of one" in page
    assert "ended early" in page
    assert "RuntimeError" in page
    assert "canary" not in page + caplog.text


def test_settings_that_are_wrong_are_findings(client: Client, file: Path) -> None:
    file.write_text(file.read_text("utf-8").replace("587", "70000"), "utf-8")
    page = examine(client)
    assert "70000" in page
    assert 'class="badge error"' in page
    assert SECRET not in page
    file.write_text('{"connectors": {', "utf-8")
    assert 'class="badge error"' in examine(client)
    file.write_text('{"connectors": {"a": {"use": "nothing-like-this", "settings": {}}}}', "utf-8")
    assert "nothing-like-this" in examine(client)


def test_the_page_speaks_chinese(client: Client, file: Path) -> None:
    client.post("/language", {"language": "zh-CN"})
    file.write_text(file.read_text("utf-8").replace("587", "70000"), "utf-8")
    page = examine(client)
    assert "错误" in page
    assert "诊断" in page


def test_without_settings_the_button_says_why(client: Client, file: Path) -> None:
    file.unlink()
    for page in (client.get("/doctor").text, client.post("/doctor").text):
        assert "There are no settings yet." in page
        assert 'href="/add"' in page
        assert "disabled" in page


def test_a_real_server_that_is_away_is_found(client: Client, file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    text = file.read_text("utf-8").replace("smtp.example.com", "127.0.0.1")
    file.write_text(text.replace("587", str(port)), "utf-8")
    page = client.post("/doctor", {"connector": "primary"}).text
    assert "connect." in page
    assert 'class="badge error"' in page
    assert SECRET not in page
    assert "canary-key" not in page


def test_each_finding_is_sent_as_it_comes(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one waits until the first one has arrived; a browser that leaves ends it."""
    ended: list[str] = []

    async def diagnose(application: Any, wishes: Any) -> AsyncGenerator[Diagnosis, None]:
        del application, wishes
        try:
            yield finding("one")
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    monkeypatch.setattr(doctor, "diagnose", diagnose)

    async def asked() -> str:
        async with httpx.AsyncClient(base_url=running.origin, timeout=30) as browser:
            await browser.get(running.link)
            headers = {"sec-fetch-site": "same-origin"}
            seen = ""
            async with browser.stream("POST", "/doctor", headers=headers) as response:
                async for part in response.aiter_text():
                    seen += part
                    if "evidence of one" in seen:
                        break
            return seen

    assert "</html>" not in run(asked())
    running.launched.stop()
    running.__exit__()
    assert ended == ["ended"]
