"""The pages and the API of the inbox: what they show, whom they answer, and what they keep."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import httpx
import pytest
from console_driving import ORIGIN, Client, Served
from inbox_driving import BEARER, TOKEN, client_of, mailer_of, message_to, opened, send

import passpost
import passpost_templates
from passpost_console.gate import Gate
from passpost_console.inbox.caveats import caveats
from passpost_console.inbox.faults import Fault, Kind
from passpost_console.inbox.reading import read
from passpost_console.inbox.service import Inbox
from passpost_console.inbox.store import Emails, Wanted
from passpost_console.inbox_site import InboxSite
from passpost_console.pages.frame import framed


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with opened() as inbox:
        yield inbox


@pytest.fixture
def client(inbox: Inbox) -> Client:
    return client_of(inbox)


def asked(client: Client, path: str, method: str = "GET", **options: Any) -> httpx.Response:
    return client.request(method, f"/api/{path}", headers=BEARER, **options)


def add(emails: Emails, *subjects: str, to: str = "ada@example.com") -> None:
    for subject in subjects:
        emails.add("smtp", "a@example.com", (to,), f"Subject: {subject}\r\n\r\nhello".encode())


def test_a_page_shows_the_email_in_each_view(client: Client, inbox: Inbox) -> None:
    send(inbox, "ada@example.com", html="<p>Hi <script>x</script></p>", subject="Grüße <b>")
    page = client.get("/inbox")
    assert "Grüße &lt;b&gt;" in page.text
    assert "ada@example.com" in page.text
    first = client.get("/inbox/emails/1")
    assert '<iframe class="letter" sandbox="" src="/inbox/emails/1/html"' in first.text
    assert '<code class="copyable" id="code">493817</code>' in first.text
    shown = {view: client.get(f"/inbox/emails/1?view={view}").text for view in (
        "text", "source", "headers", "caveats")}  # fmt: skip
    assert "Your code is 493817." in shown["text"]
    assert "MIME-Version: 1.0" in shown["source"]
    assert '<th scope="row">MIME-Version</th>' in shown["headers"]
    assert "email programs remove this element" in shown["caveats"]
    raw = client.get("/inbox/emails/1/raw")
    assert raw.content == inbox.emails.find(Wanted())[0].source
    assert raw.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("html", "programs"),
    [
        ("<p style='display : inline-flex'>x</p>", ["Outlook"]),
        ("<style>p{display:grid}</style>", ["Gmail", "Outlook"]),
        ("<p style='position:absolute;top:0'>x</p>", ["Gmail", "Outlook"]),
        ("<td style='background: #fff url(cid:x)'>x</td>", ["Outlook"]),
        ("<img src='cid:logo.SVG'>", ["Gmail", "Outlook"]),
        ('<img alt="" src="data:image/png;base64,AAAA">', ["Gmail", "Outlook"]),
        ("<p style='background-position: 0 0; background: #fff; display: block'>a.svg</p>", []),
    ],
)
def test_a_caveat_names_the_programs(html: str, programs: list[str]) -> None:
    reading = read(
        f"Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\r\nx\r\n--x\r\n"
        f"Content-Type: text/html\r\n\r\n{html}\r\n--x--".encode()
    )
    named = " ".join(caveats(reading))
    assert [one for one in ("Gmail", "Outlook") if one in named] == programs


def test_ready_made_templates_have_no_caveats() -> None:
    for language in passpost_templates.languages():
        for template in passpost_templates.templates(language):
            source = f"Content-Type: text/html\r\n\r\n{template['content']}".encode()
            # An email has plain text beside it.
            assert [*caveats(attrs.evolve(read(source), text="x"))] == []


def test_the_frame_of_an_email_has_a_policy_of_its_own(client: Client, inbox: Inbox) -> None:
    send(inbox, html="<LINK rel=preconnect href=http://canary><iframe srcdoc='x'></iframe>")
    frame = client.get("/inbox/emails/1/html")
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "allow" not in policy
    assert "img-src data:;" in policy
    assert frame.headers["x-frame-options"] == "SAMEORIGIN"
    assert frame.headers["content-type"] == "text/html; charset=utf-8"
    assert "<LINK" not in frame.text
    assert framed("<ifr<iframe>") == "<ifr<x-iframe>"


def test_a_search_finds_words_in_subject_addresses_and_text(client: Client, inbox: Inbox) -> None:
    send(inbox, "ada@example.com", subject="First", text="apples")
    send(inbox, "bob@example.com", subject="Second", html="<p>pears</p>")
    found = {words: client.get("/inbox", params={"q": words}).text for words in (
        "FIRST", "bob@", "apples ada", "pears", "apples bob", "class")}  # fmt: skip
    assert ["First" in text for text in found.values()] == [True, False, True, False, False, False]
    assert ["Second" in text for text in found.values()] == [False, True, False, True, False, False]


def test_one_email_and_those_found_and_all_are_deleted(client: Client, inbox: Inbox) -> None:
    add(inbox.emails, "one", "two", "three", "four")
    client.post("/inbox/delete", {"id": "2"})
    assert [one.subject for one in inbox.emails.find(Wanted())] == ["four", "three", "one"]
    client.post("/inbox/delete", {"id": "all", "q": "three"})
    assert [one.subject for one in inbox.emails.find(Wanted())] == ["four", "one"]
    client.post("/inbox/delete", {"id": "all"})
    assert len(inbox.emails) == 0
    assert client.get("/inbox/emails/4").status_code == 404
    assert "No emails yet" in client.get("/inbox").text


def test_a_list_goes_on_with_older_emails(client: Client, inbox: Inbox) -> None:
    add(inbox.emails, *(f"number {n:03}" for n in range(1, 121)))
    first = client.get("/inbox").text
    assert "number 120" in first
    assert "number 070" not in first
    assert "before=71" in first
    assert "number 070" in client.get("/inbox?before=71").text


def test_news_are_told_once(client: Client, inbox: Inbox) -> None:
    version = inbox.emails.version
    assert client.get(f"/inbox/news?known={version}").status_code == 204
    add(inbox.emails, "new")
    news = client.get(f"/inbox/news?known={version}")
    assert "new" in news.text
    assert "<html" not in news.text


def test_a_fault_is_switched_on_and_off_on_the_page(client: Client, inbox: Inbox) -> None:
    client.post("/inbox/fault", {"kind": "delay", "times": "3", "seconds": "7", "to": ""})
    assert inbox.faults.current == Fault(Kind.DELAY, 3, 7.0)
    assert "emails left: 3" in client.get("/inbox").text
    client.post("/inbox/fault", {"kind": ""})
    assert inbox.faults.current is None


@pytest.mark.parametrize("wrong", [
    {"times": "0"}, {"times": "-1"}, {"times": "x"}, {"seconds": "61"}, {"seconds": "nan"},
    {"kind": "explode"},
])  # fmt: skip
def test_a_fault_that_there_is_not_is_rejected_on_the_page(
    client: Client, inbox: Inbox, wrong: dict[str, str]
) -> None:
    assert client.post("/inbox/fault", {"kind": "delay", **wrong}).status_code == 400
    assert inbox.faults.current is None
    client.post("/inbox/fault", {"kind": "delay", "seconds": "0.5"})
    assert inbox.faults.current == Fault(Kind.DELAY, None, 0.5)


def test_the_oldest_are_dropped_where_there_is_no_room() -> None:
    emails = Emails(most=3)
    add(emails, "1", "2", "3", "4", "5")
    assert [one.subject for one in emails.find(Wanted())] == ["5", "4", "3"]
    assert emails.dropped == 2
    small = Emails(most_bytes=5_000)
    for _ in range(9):
        small.add("smtp", "", ("ada@example.com",), b"x" * 1_000)
    assert len(small) == 2
    small.delete(9)
    small.clear()
    assert (len(small), small._bytes) == (0, 0)


# --- the API ---------------------------------------------------------------------------------


def test_the_api_tells_what_a_test_asks(client: Client, inbox: Inbox) -> None:
    send(inbox, "ada@example.com", html='<a href="https://example.com/?a=1&amp;b=2">go</a>')
    send(inbox, "bob@example.com", subject="Other")
    answer = asked(client, "emails?to=ADA@example.com").json()
    (email,) = answer["emails"]
    assert answer["total"] == 2
    assert (email["to"], email["subject"], email["code"]) == (
        ["ada@example.com"], "Your code", "493817",
    )  # fmt: skip
    assert email["links"] == ["https://example.com/?a=1&b=2"]
    whole = asked(client, f"emails/{email['id']}").json()
    assert whole["html"].startswith("<a href=")
    assert ["MIME-Version", "1.0"] in whole["headers"]
    assert asked(client, f"emails/{email['id']}/source").content.startswith(b"From: Example")
    assert asked(client, "mails?to=bob@example.com").json()["emails"][0]["subject"] == "Other"
    assert [one["id"] for one in asked(client, "emails?after=1").json()["emails"]] == [2]
    assert asked(client, "settings").json()["smtp"]["port"] == inbox.port


def test_the_api_deletes(client: Client, inbox: Inbox) -> None:
    add(inbox.emails, "one", "two", "three")
    add(inbox.emails, "four", to="bob@example.com")
    assert asked(client, "emails/2", "DELETE").status_code == 204
    assert asked(client, "emails/2", "DELETE").status_code == 404
    assert asked(client, "emails?to=bob@example.com", "DELETE").json() == {"deleted": 1}
    assert asked(client, "emails", "DELETE").json() == {"deleted": 2}


def test_the_api_switches_faults(client: Client, inbox: Inbox) -> None:
    fault = {"kind": "reject", "times": 2, "seconds": 5.0, "to": "ada@example.com"}
    sent = {"kind": "reject", "times": 2, "to": "ada@example.com"}
    assert asked(client, "fault", "PUT", json=sent).json() == fault
    assert asked(client, "fault").json() == fault
    assert asked(client, "fault", "DELETE").json() is None
    assert inbox.faults.current is None


@pytest.mark.parametrize(
    "query", ["too=a", "wait=x", "wait=61s", "wait=-1", "after=-1", "limit=x", "limit=" + "9" * 30]
)
def test_a_query_that_is_not_understood_is_rejected(client: Client, query: str) -> None:
    assert asked(client, f"emails?{query}").status_code == 400


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", '{"kind": "x"}', '{"kind": "drop", "times": 0}', '{"kind": "drop", "a": 1}',
     '{"kind": "drop", "times": true}', '{"kind": "delay", "seconds": 1e9}', "[" * 10_000,
     '{"kind": "delay", "seconds": NaN}', '{"kind": "drop", "to": 1}', '{"kind": ["drop"]}'],
)  # fmt: skip
def test_a_fault_that_is_not_understood_is_rejected(client: Client, body: str) -> None:
    answer = asked(client, "fault", "PUT", content=body)
    assert answer.status_code == 400, answer.text
    assert asked(client, "fault").json() is None


def test_a_test_waits_for_an_email_that_comes_later(inbox: Inbox) -> None:
    with (
        Served(lambda gate, hosts: InboxSite(inbox, allow=gate, hosts=hosts)) as served,
        ThreadPoolExecutor() as pool,
        httpx.Client(base_url=served.origin, headers=BEARER, timeout=30) as client,
    ):
        waiting = pool.submit(client.get, "/api/emails?to=ada@example.com&wait=20s")
        add(inbox.emails, "for somebody else", to="bob@example.com")
        while not inbox.emails._waiting and not waiting.done():
            add(inbox.emails, "for somebody else", to="bob@example.com")
        send(inbox, "ada@example.com")
        assert waiting.result().json()["emails"][0]["code"] == "493817"
        assert client.get("/api/emails?to=eve@example.com&wait=50ms").json()["emails"] == []
    assert inbox.emails._waiting == set()


# --- who gets in -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token", ["", "Bearer", "Bearer x", f"Basic {TOKEN}", TOKEN, "Bearer \xff"]
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_without_its_token_the_api_tells_nothing(
    client: Client, inbox: Inbox, token: str, method: str
) -> None:
    add(inbox.emails, "canary")
    headers = {"authorization": token.encode("latin-1")} if token else {}
    for path in ("emails", "emails/1", "emails/1/source", "fault", "settings", "nothing"):
        answer = client.request(method, f"/api/{path}", headers=headers)
        assert answer.status_code == 401
        assert "canary" not in answer.text
    assert len(inbox.emails) == 1


def test_the_pages_need_the_link_and_the_cookie_is_no_token(inbox: Inbox) -> None:
    gate = Gate(8025)
    names = [f"{name}:8025" for name in ("127.0.0.1", "localhost")]
    client = Client(InboxSite(inbox, allow=gate, hosts=names))
    add(inbox.emails, "canary")
    for path in ("/", "/inbox", "/inbox/news", "/inbox/settings", "/inbox/emails/1",
                 "/inbox/emails/1/html", "/inbox/emails/1/raw"):  # fmt: skip
        answer = client.get(path)
        assert (answer.status_code, "canary" in answer.text) == (403, False), path
    client.get(f"/enter?token={gate.token}")
    assert "canary" in client.get("/inbox").text
    assert client.get("/").headers["location"] == "/inbox"
    assert client.get("/api/emails").status_code == 401
    for path in ("/inbox", "/api/emails"):
        assert client.get(path, headers={**BEARER, "host": "evil.example"}).status_code == 421


def test_another_site_changes_nothing(client: Client, inbox: Inbox) -> None:
    add(inbox.emails, "stays")
    hostile = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    for path, form in (("delete", {"id": "all"}), ("fault", {"kind": "drop"})):
        assert client.post(f"/inbox/{path}", form, headers=hostile).status_code == 403
        assert client.get(f"/inbox/{path}", params=form).status_code == 303
    # No path of the API leads around it.
    for path in ("/api/../inbox/delete", "/api//inbox/delete", "//api/inbox/delete"):
        answer = client.request("POST", path, data={"id": "all"}, headers=hostile)
        assert answer.status_code in (401, 403, 404)
    assert len(inbox.emails) == 1
    assert inbox.faults.current is None


def test_no_page_contains_the_token(client: Client, inbox: Inbox) -> None:
    send(inbox)
    for path in ("/inbox", "/inbox/settings", "/inbox/emails/1"):
        assert TOKEN not in client.get(path).text


# --- connectors over HTTP ----------------------------------------------------------------------


@pytest.mark.parametrize("connector", ["sendgrid", "ses", "webhook", "aliyun-dm"])
def test_an_email_over_http_arrives_and_faults_strike_it(connector: str) -> None:
    host = passpost.Host(environ={}, installed_extensions=())
    with opened(host=host) as inbox, mailer_of(inbox, connector) as mailer:
        mailer.send(message_to("ada@example.com"))
        (email,) = inbox.emails.find(Wanted())
        assert (email.via, email.recipients) == (connector, ("ada@example.com",))
        shown = client_of(inbox).get(f"/inbox/emails/{email.id}?view=text").text
        assert "493817" in shown
        for kind in (Kind.REJECT, Kind.LATER, Kind.DROP):
            inbox.faults.switch(Fault(kind, times=1))
            with pytest.raises(passpost.SendError) as caught:
                mailer.send(message_to("ada@example.com"))
            assert (caught.value.outcome == "rejected") == (kind is not Kind.DROP)
        assert len(inbox.emails) == 1


def test_settings_of_a_connector_are_sent_here_without_its_secrets(inbox: Inbox) -> None:
    own = {
        "host": "smtp.example.com", "port": 587, "fromEmail": "a@example.com",
        "auth": {"user": "u", "pass": "canary"}, "templates": [{"usageType": "Generic"}],
    }  # fmt: skip
    assert inbox.redirect("smtp", own) == {
        "host": "127.0.0.1", "port": inbox.port, "ignoreTLS": True, "fromEmail": "a@example.com",
        "templates": [{"usageType": "Generic"}],
    }  # fmt: skip
    assert inbox.redirect("postmark", {}) is None


def test_a_console_has_the_inbox_beside_its_own_pages(inbox: Inbox, file: Any) -> None:
    from passpost_console import Console  # noqa: PLC0415

    client = Client(Console(file, allow=lambda scope: True, inbox=inbox))
    send(inbox)
    assert "/inbox" in client.get("/").text
    assert "Your code" in client.get("/inbox").text
    assert asked(client, "emails").json()["total"] == 1
    mounted = Client(Console(file, allow=lambda scope: True), ORIGIN)
    assert mounted.get("/inbox").status_code == 404
    assert asyncio.run(inbox.emails.wait_for(Wanted(), 1, 1))


@pytest.mark.parametrize("name", [b"filename", b"charset"])
def test_an_email_with_broken_parameters_is_shown(client: Client, name: bytes) -> None:
    inbox_of = client.app._inbox
    parameters = b"%s*0*=a; %s*=b" % (name, name)
    source = b"Content-Type: text/plain; %s\r\nContent-Disposition: attachment; %s\r\n\r\nx"
    body = source.replace(b"attachment", b"inline") if name == b"charset" else source
    inbox_of.emails.add("smtp", "", ("ada@example.com",), body % (parameters, parameters))
    assert client.get("/inbox/emails/1").status_code == 200
    assert asked(client, "emails").status_code == 200


def test_a_test_email_goes_to_the_inbox_and_the_file_stays(inbox: Inbox, file: Any) -> None:
    from passpost_console import Console  # noqa: PLC0415

    before = file.read_text("utf-8")
    host = passpost.Host(environ={}, installed_extensions=())
    console = Console(file, allow=lambda scope: True, inbox=inbox, host=host)
    client = Client(console)
    asked_for = {"connector": "primary", "usage": "SignIn", "to": "ada@example.com"}
    assert "Send it to the inbox" in client.get("/test", params=asked_for).text
    answer = client.post("/test", {**asked_for, "payload": "{}", "inbox": "1"})
    assert answer.status_code == 200, answer.text
    assert '<a class="button" href="/inbox">Inbox</a>' in answer.text
    assert "Where to look for it" not in answer.text
    (email,) = inbox.emails.find(Wanted(to="ada@example.com"))
    assert b"000000" in email.source
    assert file.read_text("utf-8") == before
    assert console.workspace.trials == {}
