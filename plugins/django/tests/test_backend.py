from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.test import override_settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy, override

import passpost
from passpost_django import EmailBackend, mailer
from pytest_passpost import Fault, SmtpServer, reply

WriteFile = Callable[..., Path]
UNKNOWN_USER = Fault("rcpt", reply("550 5.1.1 No such user"))


def email(**parts: Any) -> Any:
    usual = {"subject": "Hello", "body": "Text", "to": ["ada@example.com"]}
    return EmailMultiAlternatives(**{**usual, **parts})


def send(*emails: Any, **options: Any) -> int:
    return EmailBackend(**options).send_messages(emails)


def contents(server: SmtpServer) -> list[tuple[str, str]]:
    """Return the type and the content of each part of the one email."""
    (received,) = server.mails
    return [
        (part.get_content_type(), part.get_content().strip())
        for part in received.message.walk()
        if not part.is_multipart()
    ]


def test_send_mail_arrives(server: SmtpServer, file: Path) -> None:
    assert mail.send_mail("Hello", "Text", None, ["Ada <ada@example.com>"]) == 1
    (received,) = server.mails
    assert received.recipients == ("ada@example.com",)
    assert received.message["subject"] == "Hello"
    assert received.message["from"] == "no-reply@example.com"
    assert contents(server) == [("text/plain", "Text")]


def test_html_and_its_plain_text(server: SmtpServer, file: Path) -> None:
    page = '<p class="a">1 &lt; 2 {{code}}</p>'
    mail.send_mail("Hello", "1 < 2 {{code}}", None, ["ada@example.com"], html_message=page)
    assert contents(server) == [("text/plain", "1 < 2 {{code}}"), ("text/html", page)]


def test_html_alone(server: SmtpServer, file: Path) -> None:
    alone = EmailMessage("Hello", "<p>Text</p>", to=["ada@example.com"])
    alone.content_subtype = "html"
    assert send(alone) == 1
    assert contents(server)[-1] == ("text/html", "<p>Text</p>")


def test_an_alternative_without_a_body(server: SmtpServer, file: Path) -> None:
    page = email(body="")
    page.attach_alternative("<p>Text</p>", "text/html")
    assert send(page) == 1
    assert contents(server)[-1] == ("text/html", "<p>Text</p>")


def test_headers_and_the_address_for_replies(server: SmtpServer, file: Path) -> None:
    headers = {"X-Tag": gettext_lazy("Hello"), "reply-to": "Help <help@example.com>"}
    send(email(headers=headers), email(reply_to=["desk@example.com"]))
    first, second = server.mails
    assert (first.message["x-tag"], first.message["reply-to"]) == ("Hello", "help@example.com")
    assert second.message["reply-to"] == "desk@example.com"


@pytest.mark.parametrize(
    "sender", ["no-reply@example.com", "NO-reply@EXAMPLE.com", "root@localhost", None]
)
def test_the_settings_sender_may_be_named(
    server: SmtpServer, file: Path, sender: str | None
) -> None:
    assert send(email(from_email=sender)) == 1
    assert server.mails[0].message["from"] == "no-reply@example.com"


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"from_email": "other@example.com"}, "from_email"),
        ({"from_email": "Shop <no-reply@example.com>"}, "from_email"),
        ({"from_email": "nobody"}, "from_email"),
        ({"to": ["ada@example.com", "bob@example.com"]}, "to"),
        ({"to": ["nobody"]}, "to"),
        ({"to": [], "bcc": ["bob@example.com"]}, "cc"),
        ({"cc": ["bob@example.com"]}, "cc"),
        ({"reply_to": ["a@example.com", "b@example.com"]}, "reply_to"),
        ({"attachments": [("a.txt", "text", "text/plain")]}, "attachments"),
        ({"headers": {"From": "other@example.com"}}, "headers"),
        ({"headers": {"Message-ID": "<a@b>"}}, "headers"),
        ({"headers": {"X-A": "a\nBcc: b@example.com"}}, "headers"),
        ({"alternatives": [("{}", "application/json")]}, "alternatives"),
        ({"alternatives": [("<p>", "text/html"), ("<p>", "text/html")]}, "alternatives"),
    ],
)
def test_what_passpost_does_not_send_is_rejected_before_anything_is_sent(
    server: SmtpServer, file: Path, parts: dict[str, Any], field: str
) -> None:
    with pytest.raises(passpost.MessageError) as caught:
        send(email(), email(**parts), fail_silently=True)
    assert caught.value.field == field
    assert server.mails == []


def test_an_email_that_builds_its_own_mime_is_rejected(server: SmtpServer, file: Path) -> None:
    class Signed(EmailMessage):  # type: ignore[misc]  # Django is not typed
        def message(self, **options: Any) -> Any:
            return super().message(**options)

    calendar = EmailMessage("Hello", "Text", to=["ada@example.com"])
    calendar.content_subtype = "calendar"
    for one in (Signed("Hello", "Text", to=["ada@example.com"]), calendar):
        with pytest.raises(passpost.MessageError):
            send(one)
    assert server.mails == []


def test_a_line_break_in_the_subject_is_rejected(server: SmtpServer, file: Path) -> None:
    with pytest.raises(ValueError, match="not allowed in the subject"):
        send(email(subject="Hello\nBcc: bob@example.com"))
    assert server.mails == []


def test_each_subject_is_checked_before_the_first_email_is_sent(
    server: SmtpServer, file: Path
) -> None:
    with pytest.raises(passpost.MessageError):
        send(email(), email(subject="Hello\nBcc: bob@example.com"))
    assert server.mails == []


def test_lines_and_nothing_at_all(server: SmtpServer, file: Path) -> None:
    body = "您好\n\n.\nFrom here\r\n{{code}} 🙂"
    assert send(email(body=body), email(body="")) == 2
    first, second = (one.message.get_content() for one in server.mails)
    assert first.split() == body.split()
    assert second.strip() == ""


def test_an_email_to_nobody_is_not_counted(server: SmtpServer, file: Path) -> None:
    assert send(email(to=[])) == 0
    assert send() == 0
    assert EmailBackend().send_messages(iter([email()])) == 1


def test_what_fails_stops_the_rest_and_says_what_was_sent(server: SmtpServer, file: Path) -> None:
    assert send(email()) == 1
    server.script(UNKNOWN_USER)
    with pytest.raises(passpost.SendError) as caught:
        send(email(to=["bob@example.com"]), email())
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "recipient")
    assert "0 of 2 emails were sent before this one" in caught.value.__notes__
    assert len(server.mails) == 1


def test_fail_silently_goes_on_and_counts(server: SmtpServer, file: Path) -> None:
    server.script(UNKNOWN_USER)
    with EmailBackend(fail_silently=True) as connection:
        assert connection.send_messages([email(), email(to=["bob@example.com"])]) == 1
    assert [one.recipients for one in server.mails] == [("bob@example.com",)]


def test_one_mailer_for_a_process_and_file(
    server: SmtpServer, file: Path, write: WriteFile
) -> None:
    send(email(), file=str(file))
    with EmailBackend(file=file) as connection:
        connection.send_messages([email()])
    threads = [threading.Thread(target=send, args=(email(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.mails) == 6
    # It is read once.
    file.unlink()
    assert send(email()) == 1
    assert mailer() is mailer()
    with override_settings(PASSPOST_FILE=write("other.jsonc")):
        assert mailer() is not EmailBackend(file=file)


def test_the_file_is_read_with_the_first_email(tmp_path: Path) -> None:
    backend = EmailBackend(file=tmp_path / "missing.jsonc")
    with backend, pytest.raises(passpost.ConfigError):
        backend.send_messages([email()])
    with pytest.raises(ImproperlyConfigured, match="PASSPOST_FILE"):
        send(email())


def test_the_usage_goes_to_the_policy_and_the_language_is_djangos(
    server: SmtpServer, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", "passpost"), override("de"):
        send(email())
        send(email(), usage="Newsletter")
    usages = [one.passpost["usage"] for one in caplog.records if hasattr(one, "passpost")]
    assert usages == ["Django", "Newsletter"]


@pytest.mark.parametrize("option", ["username", "password", "timeout"])
def test_options_that_would_be_ignored_are_rejected(option: str) -> None:
    with pytest.raises(TypeError, match=f"no option {option}"):
        EmailBackend(**dict[str, Any]({option: "x"}))


def test_send_mail_with_another_account_is_rejected(server: SmtpServer, file: Path) -> None:
    if django.VERSION < (6, 1):
        with pytest.raises(TypeError, match="no option username"):
            mail.send_mail("a", "b", None, ["ada@example.com"], auth_user="other")
    assert server.mails == []


def connection_of(alias: str) -> Any:
    """Return the backend of an entry of `MAILERS`, called as Django 6.1 calls it."""
    if django.VERSION >= (6, 1):
        return mail.mailers[alias]
    entry = settings.MAILERS[alias]
    return import_string(entry["BACKEND"])(alias=alias, **entry.get("OPTIONS", {}))


def test_an_entry_of_mailers(
    server: SmtpServer, write: WriteFile, caplog: pytest.LogCaptureFixture
) -> None:
    backend = "passpost_django.EmailBackend"
    options = {"file": write("codes.jsonc"), "usage": "Codes", "fail_silently": True}
    entries = {"codes": {"BACKEND": backend, "OPTIONS": options}, "plain": {"BACKEND": backend}}
    with override_settings(MAILERS=entries, PASSPOST_FILE=write()):
        server.script(UNKNOWN_USER)
        with caplog.at_level("DEBUG", "passpost"):
            assert connection_of("codes").send_messages([email(), email()]) == 1
            assert connection_of("plain").send_messages([email()]) == 1
    usages = [one.passpost["usage"] for one in caplog.records if hasattr(one, "passpost")]
    assert usages == ["Codes", "Codes", "Django"]


def test_what_get_connection_adds_is_not_ignored() -> None:
    with pytest.raises(TypeError, match="no option username"):
        EmailBackend(alias="codes", username="a", _ignore_unknown_kwargs={"username"})


if django.VERSION >= (6, 1):

    def test_django_rejects_an_unknown_option(file: Path) -> None:
        entry = {"BACKEND": "passpost_django.EmailBackend", "OPTIONS": {"flie": file}}
        with override_settings(MAILERS={"codes": entry}), pytest.raises(mail.InvalidMailer):
            mail.send_mail("a", "b", None, ["ada@example.com"], using="codes")


def test_a_crash_of_the_conversion_shows_no_content(file: Path) -> None:
    with pytest.raises(passpost.MessageError) as caught:
        send(email(body="493817", cc=["bob@example.com"]))
    frames = []
    trace = caught.value.__traceback__
    while trace is not None:
        if "passpost" in trace.tb_frame.f_code.co_filename:
            frames.append(repr(trace.tb_frame.f_locals))
        trace = trace.tb_next
    assert frames
    assert "493817" not in "".join(frames[1:])
