"""Broken connectors, each a real distribution: a clear PluginError, and the others go on."""

from __future__ import annotations

from pathlib import Path

import pytest

import passpost

SEES = {
    "fails-on-import": ["passpost-fails-on-import", "RuntimeError: the licence server is down"],
    "exits-on-import": ["passpost-exits-on-import", "SystemExit"],
    "lacks-module": ["passpost-lacks-module", "No module named 'passpost_lacks_module'"],
    "misspells-hook": ["passpost-misspells-hook", "send_mial"],
    "misnames-argument": ["passpost-misnames-argument", "email"],
    "lacks-hook": ["passpost-lacks-hook", "send_mail", "@passpost.hookimpl"],
    "describes-another": ["passpost-describes-another", "`healthy`"],
    "fails-to-describe": [
        "passpost-fails-to-describe",
        "KeyError at passpost_fails_to_describe.py",
    ],
    "claimed": ["passpost-claims-first", "passpost-claims-second", "uninstall"],
}


@pytest.mark.parametrize("connector", SEES)
@pytest.mark.usefixtures("broken_connectors")
def test_a_broken_connector_is_named_with_its_distribution(connector: str) -> None:
    with pytest.raises(passpost.PluginError) as caught:
        passpost.Host().configure(connector, {})
    assert caught.value.connector == connector
    assert [part for part in SEES[connector] if part not in str(caught.value)] == []


@pytest.mark.anyio
@pytest.mark.usefixtures("broken_connectors")
async def test_the_others_go_on_working() -> None:
    host = passpost.Host()
    for connector in SEES:
        with pytest.raises(passpost.PluginError):
            host.info(connector)
    async with passpost.AsyncMailer(host.configure("healthy", {})) as mailer:
        receipt = await mailer.send(passpost.Message(to="ada@example.com", usage="SignIn"))
    assert receipt.provider_id == "healthy"


@pytest.mark.usefixtures("broken_connectors")
def test_installed_lists_all_of_them_and_says_which_share_an_id() -> None:
    listed = {item.distribution: item for item in passpost.Host().installed()}
    assert listed["passpost-healthy"].error is None
    assert listed["passpost-healthy"].version == "1.0"
    for name in ("passpost-claims-first", "passpost-claims-second"):
        assert "both claim the ID `claimed`" in (listed[name].error or "")


@pytest.mark.usefixtures("broken_connectors")
def test_an_unknown_id_says_what_was_meant_and_what_is_there() -> None:
    with pytest.raises(passpost.UnknownConnectorError) as caught:
        passpost.Host().configure("heatlhy", {})
    assert "did you mean `healthy`?" in str(caught.value)
    assert "pip install" not in str(caught.value)


def test_an_unknown_id_that_is_no_name_reaches_no_command() -> None:
    with pytest.raises(passpost.UnknownConnectorError) as caught:
        passpost.Host().configure("x; rm -rf ~", {})
    assert "pip install" not in str(caught.value)


def test_a_failure_does_not_stay(broken_connectors: Path) -> None:
    """A connector that was mended while the process runs is found the next time."""
    host = passpost.Host()
    with pytest.raises(passpost.PluginError):
        host.info("fails-on-import")
    with pytest.raises(passpost.PluginError):
        host.info("fails-on-import")
