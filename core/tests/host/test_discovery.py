"""What is installed: damaged metadata and hostile plugins harm nobody else, and are named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import passpost
from passpost._plugins.discovery import FIRST_PARTY, EntryPoint, entry_points

from .conftest import HEALTHY, TEMPLATES, Install


def listed(distribution: str) -> list[passpost.InstalledConnector]:
    return [one for one in passpost.Host().installed() if one.distribution == distribution]


UNRELATED = {
    "no equals": b"[some.other.group]\nbroken line without equals\n",
    "not UTF-8": b"[console_scripts]\nx = \xff\xfe:main\n",
    "UTF-16": "[console_scripts]\nx = y:z\n".encode("utf-16"),
    "no section": b"x = y:z\n",
    "heading not closed": b"[console_scripts\nx = y\n",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", UNRELATED)
@pytest.mark.usefixtures("good")
def test_damaged_metadata_of_unrelated_packages_is_ignored(kind: str, install: Install) -> None:
    install("stranger-1.0.dist-info", UNRELATED[kind])
    host = passpost.Host()
    assert host.info("good").id == "good"
    assert "good" in [one.id for one in host.installed()]
    assert listed("stranger") == []
    assert "stranger" not in [each.distribution for each in entry_points("passpost.extensions")]


RELATED = {
    "no equals": (b"[passpost.connectors]\nacme\n", "acme"),
    "no module": (b"[passpost.connectors]\nacme = what is this?\n", "acme"),
    "not UTF-8": (b"[passpost.connectors]\nacme = \xff\xfe\n", "culprit"),
    "UTF-16": ("[passpost.connectors]\nacme = a\n".encode("utf-16"), "culprit"),
    "heading not closed": (b"[passpost.connectors\nacme = a\n", "[passpost.connectors"),
}


@pytest.mark.parametrize("kind", RELATED)
@pytest.mark.usefixtures("good")
def test_damaged_metadata_that_claims_a_place_is_named(kind: str, install: Install) -> None:
    written, name = RELATED[kind]
    install("culprit-1.0.dist-info", written)
    host = passpost.Host()
    assert host.info("good").id == "good"
    (one,) = listed("culprit")
    assert (one.id, "entry_points.txt" in (one.error or "")) == (name, True)
    with pytest.raises(passpost.PluginError, match=r"culprit.*entry_points\.txt is damaged"):
        host.info(name)


@pytest.mark.usefixtures("good")
def test_a_damaged_extension_is_listed_with_what_is_wrong(install: Install) -> None:
    install("culprit-1.0.dist-info", b"[passpost.extensions]\nlimit\n")
    host = passpost.Host()
    (one,) = [each for each in host.installed_extensions() if each.distribution == "culprit"]
    assert (one.name, one.version) == ("limit", "1.0")
    assert "entry_points.txt is damaged" in (one.error or "")


@pytest.mark.parametrize("metadata", [None, b"\xff\xfe", b"Metadata-Version: 2.1\n"])
@pytest.mark.usefixtures("good")
def test_a_claim_without_readable_metadata_harms_no_other(
    metadata: bytes | None, install: Install
) -> None:
    """Neither the connector whose ID it claims, nor any other."""
    lines = "[passpost.connectors]\ngood = torn\nalone = torn\n"
    install("torn-1.0.dist-info", lines, metadata)
    host = passpost.Host()
    assert host.configure("good", {"templates": TEMPLATES}).id == "good"
    errors = {one.id: one.error or "" for one in listed("torn")}
    assert sorted(errors) == ["alone", "good"]
    assert all("METADATA is damaged or missing" in error for error in errors.values())
    with pytest.raises(passpost.PluginError, match=r"`alone` of torn cannot be used.*reinstall"):
        host.info("alone")


@pytest.mark.usefixtures("good")
def test_what_an_interrupted_upgrade_left_behind_is_no_second_claim(install: Install) -> None:
    lines = "[passpost.connectors]\ngood = good_one\n"
    install(
        "~ood_one-0.9.dist-info", lines, b"Metadata-Version: 2.1\nName: good-one\nVersion: 0.9\n"
    )
    (one,) = listed("good-one")
    assert (one.version, one.error) == ("1.0", None)
    assert passpost.Host().info("good").id == "good"


@pytest.mark.usefixtures("good")
def test_a_package_that_shadows_another_version_of_itself_is_one(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = tmp_path / "behind" / "Good.One-0.9.dist-info"
    behind.mkdir(parents=True)
    (behind / "METADATA").write_text("Metadata-Version: 2.1\nName: Good.One\nVersion: 0.9\n")
    (behind / "entry_points.txt").write_text("[passpost.connectors]\ngood = good_one\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(behind.parent)])
    assert [one.version for one in passpost.Host().installed() if one.id == "good"] == ["1.0"]


def test_thousands_of_entry_points_are_read_once(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "".join(f"one-{number} = absent_module\n" for number in range(3000))
    install("many-1.0.dist-info", f"[passpost.connectors]\n{lines}")
    reads: list[str] = []
    read = entry_points

    def counted(group: str) -> tuple[EntryPoint, ...]:
        reads.append(group)
        return read(group)

    monkeypatch.setattr("passpost._plugins.discovery.entry_points", counted)
    host = passpost.Host()
    installed = [one for one in host.installed() if one.distribution == "many"]
    assert len(installed) == 3000
    for one in installed[:50]:
        with pytest.raises(passpost.PluginError, match="many cannot be imported"):
            host.info(one.id)
    assert reads == ["passpost.connectors"]


@pytest.mark.usefixtures("good")
def test_a_connector_installed_while_the_host_lives_is_found(install: Install) -> None:
    host = passpost.Host()
    host.installed()
    late = HEALTHY.replace('"good"', '"late"')
    install("late_one-1.0.dist-info", "[passpost.connectors]\nlate = late_one\n", late_one=late)
    assert host.info("late").id == "late"


# Unknown IDs ----------------------------------------------------------------------------------


def unknown(connector: str) -> str:
    with pytest.raises(passpost.UnknownConnectorError) as caught:
        passpost.Host().info(connector)
    return str(caught.value)


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    "typed", ["stmp", "smpt", "goood", "carrier-pigeon", "passpost-smtp", "SMTP"]
)
def test_an_unknown_id_never_becomes_the_name_of_a_package(typed: str) -> None:
    says = unknown(typed)
    assert "pip install" not in says
    assert "passpost-" + typed not in says
    assert says.startswith("unknown connector `")


@pytest.mark.usefixtures("good")
def test_an_unknown_id_says_what_was_meant() -> None:
    assert "did you mean `smtp`?" in unknown("stmp")
    assert "did you mean `good`?" in unknown("goood")
    assert unknown("carrier-pigeon").startswith("unknown connector `carrier-pigeon`: use one of `")


def test_only_connectors_of_this_project_are_named_with_their_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("passpost._plugins.discovery.entry_points", lambda group: ())
    for connector, package in FIRST_PARTY.items():
        assert f"is not installed: install it with `pip install {package}`" in unknown(connector)
    assert "for example with `pip install passpost-smtp`" in unknown("other")


def test_an_id_from_elsewhere_steers_no_terminal_and_fills_no_log() -> None:
    says = unknown("\x1b[2J\u202e" + "x" * 10_000)
    assert says.isprintable()
    assert len(says) < 400
