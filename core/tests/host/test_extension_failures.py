"""What extensions get wrong is named and contained."""

from __future__ import annotations

import asyncio
import traceback
import types
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

import pytest

import passpost

from .conftest import Recorder

pytestmark = pytest.mark.anyio
Configure = Callable[..., passpost.Connector]
CANARY = "canary-7731"


def named(**hooks: Any) -> types.ModuleType:
    """Make a module `tenants` of these functions, marked as hooks."""
    module = types.ModuleType("tenants")
    for name, function in hooks.items():
        setattr(module, name, passpost.hookimpl(function))
    return module


async def failure(connector: passpost.Connector, message: passpost.Message) -> Exception:
    """Send, and return the error."""
    async with passpost.AsyncMailer(connector) as mailer:
        with pytest.raises(passpost.PasspostError) as caught:
            await mailer.send(message)
    return caught.value


def raises(error: BaseException) -> Callable[..., Any]:
    def find_template(message: passpost.Message) -> None:
        raise error

    return find_template


def raises_later(error: BaseException) -> Callable[..., Any]:
    async def find_template(message: passpost.Message) -> None:
        await asyncio.sleep(0)
        raise error

    return find_template


ERRORS = [
    ValueError(CANARY),
    SystemExit(CANARY),
    asyncio.CancelledError(CANARY),
    BaseExceptionGroup("g", [KeyError(CANARY), SystemExit(CANARY)]),
]


@pytest.mark.parametrize("how", [raises, raises_later])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_a_find_template_that_raises_is_named(
    configure: Configure,
    recorder: Recorder,
    message: passpost.Message,
    how: Callable[[BaseException], Callable[..., Any]],
    error: BaseException,
) -> None:
    caught = await failure(configure(named(find_template=how(error))), message)
    assert isinstance(caught, passpost.PluginError)
    expected = f"`tenants` failed in find_template: {type(error).__name__} at "
    assert expected in str(caught)
    assert "test_extension_failures.py:" in str(caught)
    assert (caught.extension, caught.connector) == ("tenants", "")
    assert CANARY not in str(caught)
    assert (caught.__cause__, caught.__context__) == (None, None)
    # The templates of the settings do not take its place.
    assert recorder.mails == []


async def awaitable_of(value: Any) -> Any:
    return value


@pytest.mark.parametrize(
    "value", [{"subject": "x"}, "text", 0, object(), (1,)], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("later", [False, True])
async def test_a_find_template_that_returns_something_else_is_named(
    configure: Configure, message: passpost.Message, value: Any, *, later: bool
) -> None:
    def find_template() -> Any:
        return awaitable_of(value) if later else value

    caught = await failure(configure(named(find_template=find_template)), message)
    assert isinstance(caught, passpost.PluginError)
    kind = type(value).__name__
    expected = f"`tenants` returned a value of type {kind} from find_template instead of a Template"
    assert expected in str(caught)


async def test_no_frame_of_the_error_keeps_what_find_template_returned(
    configure: Configure, message: passpost.Message
) -> None:
    caught = await failure(configure(named(find_template=lambda: {"subject": CANARY})), message)
    shown = traceback.TracebackException.from_exception(caught, capture_locals=True).format()
    frames = [frame for frame in "".join(shown).split("File ") if "/tests/" not in frame]
    assert len(frames) > 3
    assert CANARY not in "".join(frames)
    assert "493817" not in "".join(frames)


async def test_a_find_template_may_refuse(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    refusal = passpost.SendError("the store is down", outcome="unknown", scope="provider")
    caught = await failure(configure(named(find_template=raises(refusal))), message)
    assert isinstance(caught, passpost.SendError)
    assert (str(caught), caught.outcome, recorder.mails) == ("the store is down", "rejected", [])


async def test_a_refusal_may_come_from_a_task_group(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    async def refuse() -> None:
        raise passpost.SendError("the store is down", outcome="rejected", scope="provider")

    async def find_template() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(refuse())

    @asynccontextmanager
    async def around_send() -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(refuse())
        yield

    for hooks in ({"find_template": find_template}, {"around_send": around_send}):
        caught = await failure(configure(named(**hooks)), message)
        assert isinstance(caught, passpost.SendError)
        assert str(caught) == "the store is down"
    assert recorder.mails == []


async def test_cancelling_a_send_that_waits_for_a_template_is_no_defect(
    configure: Configure, message: passpost.Message
) -> None:
    asked = asyncio.Event()

    async def find_template() -> None:
        asked.set()
        await asyncio.Event().wait()

    async with passpost.AsyncMailer(configure(named(find_template=find_template))) as mailer:
        sending = asyncio.create_task(mailer.send(message))
        await asked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


async def test_waiting_for_a_template_counts_towards_the_deadline(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    async def find_template() -> None:
        await asyncio.Event().wait()

    connector = configure(named(find_template=find_template))
    async with passpost.AsyncMailer(connector, policy=passpost.Policy(timeout=0.05)) as mailer:
        with pytest.raises(passpost.SendError, match="deadline passed before") as caught:
            await mailer.send(message)
    error = caught.value
    assert (error.outcome, error.temporary, recorder.mails) == ("rejected", True, [])


async def test_the_refusal_of_an_extension_quotes_no_code(
    configure: Configure, message: passpost.Message
) -> None:
    refusal = passpost.SendError("no 493817 here", outcome="rejected", scope="provider")
    caught = await failure(configure(named(find_template=raises(refusal))), message)
    assert str(caught) == "no *** here"


# around_send


async def test_a_context_that_hangs_is_named(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    @asynccontextmanager
    async def around_send() -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    connector = configure(named(around_send=around_send))
    async with passpost.AsyncMailer(connector, policy=passpost.Policy(timeout=0.05)) as mailer:
        with pytest.raises(passpost.SendError, match="before the extension `tenants` allowed it"):
            await mailer.send(message)
    assert recorder.mails == []


@contextmanager
def synchronous() -> Iterator[None]:
    yield


async def generator() -> AsyncIterator[None]:
    yield


async def coroutine() -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (synchronous, "a synchronous context manager"),
        (generator, "a value of type async_generator"),
        (coroutine, "a value of type coroutine"),
        (lambda: 5, "a value of type int"),
    ],
)
async def test_an_around_send_of_another_kind_is_named_with_the_remedy(
    configure: Configure,
    recorder: Recorder,
    message: passpost.Message,
    function: Any,
    kind: str,
) -> None:
    caught = await failure(configure(named(around_send=function)), message)
    assert isinstance(caught, passpost.SendError)
    assert f"the extension `tenants` returned {kind} from around_send" in str(caught)
    assert "asynccontextmanager" in str(caught)
    assert "`tenants`" in (caught.hint or "")
    assert (caught.outcome, recorder.mails) == ("rejected", [])


async def test_an_around_send_that_returns_none_asks_for_no_context(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    async with passpost.AsyncMailer(configure(named(around_send=lambda: None))) as mailer:
        await mailer.send(message)
    assert len(recorder.mails) == 1


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_what_a_context_raises_on_entering_is_named(
    configure: Configure, recorder: Recorder, message: passpost.Message, error: BaseException
) -> None:
    class Faulty(AbstractAsyncContextManager[None]):
        async def __aenter__(self) -> None:
            raise error

        async def __aexit__(self, *_: object) -> None:
            raise AssertionError

    around_send = lambda: Faulty()  # noqa: E731, PLW0108 - a class has no attribute for the mark
    caught = await failure(configure(named(around_send=around_send)), message)
    assert isinstance(caught, passpost.SendError)
    assert str(caught).startswith("the extension `tenants` failed before the attempt: ")
    assert CANARY not in str(caught)
    assert (caught.outcome, recorder.mails) == ("rejected", [])


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_what_a_context_raises_on_leaving_loses_no_receipt(
    configure: Configure,
    message: passpost.Message,
    caplog: pytest.LogCaptureFixture,
    error: BaseException,
) -> None:
    @asynccontextmanager
    async def around_send() -> AsyncIterator[None]:
        yield
        raise error

    async with passpost.AsyncMailer(configure(named(around_send=around_send))) as mailer:
        assert (await mailer.send(message)).provider_id == "id-1"
    assert "the extension `tenants` failed after the email was accepted: " in caplog.text
    assert CANARY not in caplog.text


# Context and tenants


async def test_templates_may_come_from_a_database_by_tenant(
    configure: Configure, recorder: Recorder
) -> None:
    store = {("acme", "SignIn", "zh"): "acme zh", ("beta", "Generic", None): "beta"}
    asked: list[tuple[str, str | None]] = []

    async def find_template(
        usage: str, locale: str | None, message: passpost.Message
    ) -> passpost.Template | None:
        asked.append((usage, locale))
        await asyncio.sleep(0)
        subject = store.get((message.context["tenant"], usage, locale))
        if subject is None:
            return None
        return passpost.Template(usage_type=usage, subject=subject, content="{{code}}")

    def to(tenant: str) -> passpost.Message:
        return passpost.Message(
            to="ada@example.com",
            usage="SignIn",
            payload={"code": "1"},
            locale="zh-CN",
            context={"tenant": tenant},
        )

    connector = configure(named(find_template=find_template), templates=[])
    async with passpost.AsyncMailer(connector) as mailer:
        await mailer.send(to("acme"))
        assert asked == [("SignIn", "zh-CN"), ("SignIn", "zh")]
        await mailer.send(to("beta"))
        with pytest.raises(passpost.TemplateNotFound):
            await mailer.send(to("gamma"))
    assert [mail.subject for mail in recorder.mails] == ["acme zh", "beta"]


async def test_the_next_extension_is_asked_after_one_that_has_none(
    configure: Configure, recorder: Recorder, message: passpost.Message
) -> None:
    async def none() -> None:
        return None

    def template() -> passpost.Template:
        return passpost.Template(usage_type="SignIn", subject="second", content="{{code}}")

    # The last one given is asked first.
    extensions = [named(find_template=template), named(find_template=none)]
    async with passpost.AsyncMailer(configure(*extensions, templates=[])) as mailer:
        await mailer.send(message)
    assert recorder.mails[0].subject == "second"


async def test_tryfirst_and_trylast_hold_between_extensions(
    configure: Configure, message: passpost.Message
) -> None:
    order: list[str] = []

    def watcher(name: str, **options: Any) -> object:
        def around_send() -> None:
            order.append(name)

        module = types.ModuleType(name)
        setattr(module, "around_send", passpost.hookimpl(**options)(around_send))  # noqa: B010 - mypy
        return module

    extensions = [
        watcher("early", tryfirst=True),
        watcher("one"),
        watcher("two"),
        watcher("late", trylast=True),
    ]
    async with passpost.AsyncMailer(configure(*extensions)) as mailer:
        await mailer.send(message)
    assert order == ["early", "two", "one", "late"]


async def test_a_summary_has_the_context_and_does_not_show_it(
    configure: Configure, recorder: Recorder
) -> None:
    seen: list[passpost.MailSummary] = []

    def around_send(summary: passpost.MailSummary) -> None:
        seen.append(summary)

    module = named(around_send=around_send)
    message = passpost.Message(
        to="ada@example.com", usage="SignIn", payload={"code": "1"}, context={"tenant": CANARY}
    )
    async with passpost.AsyncMailer(configure(module)) as mailer:
        await mailer.send(message)
    assert seen[0].context == {"tenant": CANARY}
    assert CANARY not in repr(seen[0])
    assert CANARY not in str(recorder.mails[0].payload)


# What its author got wrong


def wrong_around(summery: Any) -> None:
    """Take an argument that does not exist."""


def defaulted(usage: str, locale: str | None = None) -> None:
    """Take an argument that pluggy would not fill in."""


def misspelled(usage: str) -> None:
    """Have a name that is not a hook's."""


def wrapper(summary: Any) -> Iterator[None]:
    yield


def undecorated(**hooks: Any) -> types.ModuleType:
    module = types.ModuleType("tenants")
    vars(module).update(hooks)
    return module


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (
            undecorated(around_send=contextmanager(wrapper)),
            "around_send is not marked as a hook: put @passpost.hookimpl above it",
        ),
        (
            undecorated(find_template=passpost.hookimpl(misspelled), register_commands=print),
            "register_commands is not marked as a hook: put @passpost.hookimpl above it",
        ),
        (
            named(around_send=wrong_around),
            "around_send receives no argument `summery`; did you mean `summary`?",
        ),
        (
            named(find_template=defaulted),
            "find_template never receives its argument `locale`: remove the default value",
        ),
        (
            named(find_templates=misspelled),
            "find_templates is not one of its hooks; did you mean `find_template`? (known: ",
        ),
        (
            named(send_mail=misspelled),
            "send_mail is not one of its hooks",
        ),
        (
            undecorated(around_send=passpost.hookimpl(wrapper=True)(wrapper)),
            "around_send is a hook wrapper",
        ),
    ],
)
def test_mistakes_are_told_in_words(module: Any, expected: str, recorder: Recorder) -> None:
    host = passpost.Host([module])
    host.register(recorder)
    with pytest.raises(passpost.PluginError) as caught:
        host.configure("recorder", {})
    assert f"the extension `tenants` breaks the contract of its hooks: {expected}" in str(
        caught.value
    )


@pytest.mark.parametrize("extension", ["passpost_tenants", types.ModuleType("tenants"), print])
def test_what_has_no_hook_is_no_extension(extension: object, recorder: Recorder) -> None:
    host = passpost.Host([extension])
    host.register(recorder)
    with pytest.raises(passpost.PluginError, match=r"the extension `\w+` has no hook: give the"):
        host.configure("recorder", {})


def test_a_hook_that_may_be_missing_is_no_mistake(recorder: Recorder) -> None:
    later = passpost.hookimpl(optionalhook=True)(misspelled)
    host = passpost.Host([undecorated(a_later_hook=later)])
    host.register(recorder)
    host.configure("recorder", {"templates": []})
