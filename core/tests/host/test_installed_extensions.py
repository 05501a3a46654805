"""Which extensions a host uses is shown, and may be chosen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

import passpost

from .conftest import Recorder

Install = Callable[..., None]
WORKS = """
import passpost

@passpost.hookimpl
def around_send(summary): ...

@passpost.hookimpl
def find_template(usage): ...
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Yield a function that installs an extension of one module."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def installed(name: str, source: str) -> None:
        metadata = tmp_path / f"passpost_{name}-1.2.dist-info"
        metadata.mkdir()
        text = f"Metadata-Version: 2.1\nName: passpost-{name}\nVersion: 1.2\n"
        (metadata / "METADATA").write_text(text)
        (metadata / "entry_points.txt").write_text(
            f"[passpost.extensions]\n{name} = passpost_{name}\n"
        )
        modules.append(f"passpost_{name}")
        monkeypatch.delitem(sys.modules, modules[-1], raising=False)
        (tmp_path / f"passpost_{name}.py").write_text(source)

    yield installed
    # What was imported has the name of a package of ours, which other tests look at.
    for module in modules:
        sys.modules.pop(module, None)


def configured(host: passpost.Host, recorder: Recorder) -> passpost.Connector:
    host.register(recorder)
    return host.configure("recorder", {})


def test_extensions_are_listed_with_what_they_do(install: Install) -> None:
    install("otel", WORKS)
    install("torn", "1/0")
    install("leaver", "raise SystemExit('canary')")
    listed = {one.name: one for one in passpost.Host().installed_extensions()}
    assert listed["otel"] == passpost.InstalledExtension(
        name="otel",
        distribution="passpost-otel",
        version="1.2",
        module="passpost_otel",
        hooks=("around_send", "find_template"),
    )
    for name, defect in (("torn", "ZeroDivisionError"), ("leaver", "SystemExit")):
        assert listed[name].error == (
            f"the extension `{name}` of passpost-{name} cannot be imported: "
            f"{defect} at passpost_{name}.py:1"
        )


def test_extensions_of_the_application_are_listed(recorder: Recorder) -> None:
    class Mine:
        @passpost.hookimpl
        def around_send(self) -> None: ...

    (listed,) = passpost.Host([Mine()], installed_extensions=()).installed_extensions()[:1]
    assert (listed.name, listed.distribution, listed.hooks) == ("Mine", "", ("around_send",))


def test_a_broken_one_is_an_error_unless_it_is_left_out(
    install: Install, recorder: Recorder
) -> None:
    install("otel", WORKS)
    install("torn", "import nonsense_that_is_not_there")
    with pytest.raises(passpost.PluginError) as caught:
        configured(passpost.Host(), recorder)
    assert (caught.value.extension, caught.value.distribution) == ("torn", "passpost-torn")
    assert "No module named 'nonsense_that_is_not_there'" in str(caught.value)
    for chosen in ((), ("otel",), ["otel"], {"otel"}):
        host = passpost.Host(installed_extensions=chosen)
        configured(host, recorder)
        active = [one.name for one in host.installed_extensions() if one.active]
        assert active == list(chosen)
    assert "passpost_torn" not in sys.modules


def test_one_left_out_is_not_imported(install: Install, recorder: Recorder) -> None:
    install("otel", WORKS)
    host = passpost.Host(installed_extensions=())
    listed = {one.name: one for one in host.installed_extensions()}
    assert (listed["otel"].active, listed["otel"].hooks) == (False, ())
    assert not configured(host, recorder).extensions.watchers
    assert "passpost_otel" not in sys.modules


def test_an_unknown_name_is_an_error_that_names_those_there_are(
    install: Install, recorder: Recorder
) -> None:
    install("otel", WORKS)
    host = passpost.Host(installed_extensions=("otle",))
    expected = "no installed package provides the extension `otle`; did you mean `otel`? (known: "
    for use in (lambda: configured(host, recorder), host.installed_extensions):
        with pytest.raises(passpost.PluginError) as caught:
            use()
        assert str(caught.value).startswith(expected)
        assert "otel" in str(caught.value).removeprefix(expected)
        assert caught.value.extension == "otle"


def test_a_name_that_is_no_sequence_is_wrong_use() -> None:
    with pytest.raises(TypeError, match=r"write installed_extensions=\('otel',\)"):
        passpost.Host(installed_extensions="otel")


def test_one_that_is_installed_and_given_is_one(install: Install, recorder: Recorder) -> None:
    install("otel", WORKS)
    # Its stand-in of this test, not the package of that name.
    host = passpost.Host([import_module("passpost_otel")])
    assert len(configured(host, recorder).extensions.watchers) == 1
    assert [one.name for one in host.installed_extensions()].count("otel") == 1
