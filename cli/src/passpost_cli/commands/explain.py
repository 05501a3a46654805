"""``passpost explain``: what the code of a problem means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from typing import Final

import attrs
import click

import passpost
from passpost._wording import nearest
from passpost.phrases import said
from passpost_cli import guides, options
from passpost_cli.command import Command
from passpost_cli.display import show_markdown
from passpost_cli.extensions import make_host
from passpost_cli.failures import CommandError
from passpost_cli.helping import json_forms
from passpost_cli.language import _, language
from passpost_cli.terminal import complain, one_line, out, out_json

AREAS: Final = (
    "reading", "references", "values", "templates", "addresses", "application", "batch",
)  # fmt: skip
"""The files of explanations, in the order of their codes."""

LANGUAGES: Final = ("en", "zh-CN")
"""The languages of explanations."""

_SECTION: Final = re.compile(r"^## ([EW]\d{3})(?:: |：)(.+)$", re.MULTILINE)

# A package's codes are explained in its guide: | `smtp-E1` | what is wrong | how to fix it |
_ROW: Final = re.compile(r"^\| *`([^`|\n]+-[EW]\d+)` *\|(.+?)(?<!\\)\|(.+)\| *$", re.MULTILINE)
_CODE: Final = re.compile(r"(?:(?P<owner>[A-Za-z0-9_.-]{1,64})-)?[EW]\d{1,3}", re.IGNORECASE)

_EPILOG: Final = "\n\n".join(
    (
        json_forms("""\
  {"ok": true, "code", "title", "area", "text": MARKDOWN}
  {"ok": true, "codes": [{"code", "title", "area"}, …]}
  {"ok": false, "error": {"kind": "refused|plugin|…", "message", …}}"""),
        _(
            'Without CODE, it has "codes". For a code such as smtp-E1, "area" is what its package '
            "is called: smtp."
        ),
    )
)


@attrs.frozen
class Explanation:
    """What the code of a problem means.

    Attributes:
        code: The code: ``E101``, or ``smtp-E1`` for a package's own.
        title: The problem in a few words.
        area: The file of the explanation without its ending, or the connector's ID, or the name
            of another package without ``passpost-``.
        text: The explanation as Markdown.
    """

    code: str
    title: str
    area: str
    text: str


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("code", metavar="[CODE]", required=False)
@options.as_json
def command(code: str | None, as_json: bool) -> None:
    """Explain the code of a problem; without CODE, list the codes.

    CODE is what "passpost check" prints in brackets: E101, or smtp-E1 for a package's own. The
    codes of a package are listed only while it is installed.
    """
    spoken = language()
    if code is None:
        _list(list(_all(spoken)), as_json=as_json)
        return
    found = _find(code, spoken)
    if as_json:
        out_json({"ok": True, **attrs.asdict(found)})
    else:
        show_markdown(f"## {found.code}: {found.title}\n\n{found.text}")


def explanations(tag: str) -> Iterator[Explanation]:
    """Return the explanations of passpost's own codes in one of the languages, in order."""
    folder = resources.files("passpost_cli") / "explanations" / tag
    for area in AREAS:
        # The text before the first section, then code, title and text of each section.
        _, *parts = _SECTION.split((folder / f"{area}.md").read_text("utf-8"))
        for code, title, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            yield Explanation(code, title.strip(), area, text.strip())


def explained_in(guide: str, owner: str) -> Iterator[Explanation]:
    """Return the explanations of the own codes of a connector, or another package, from a guide."""
    for code, title, fix in _ROW.findall(guide):
        if code.rpartition("-")[0] == owner:
            yield Explanation(code, title.strip(), owner, fix.strip())


def _all(language: str) -> Iterator[Explanation]:
    yield from explanations(guides.choose(LANGUAGES, language) or "en")
    host = make_host()
    connectors = host.installed()
    for installed in connectors:
        try:
            yield from _of_connector(host, installed.id, language)
        except passpost.PluginError as error:
            complain("passpost", said(error), _("its codes are missing"), warning=True)
    for name in guides.packages():
        if name not in {installed.id for installed in connectors}:
            yield from _of_package(name, language)


def _of_any(owner: str, language: str) -> tuple[Explanation, ...]:
    try:
        return _of_connector(make_host(), owner, language)
    except passpost.UnknownConnectorError:
        if found := _of_package(owner.lower(), language):
            return found
        raise


def _of_connector(host: passpost.Host, connector: str, language: str) -> tuple[Explanation, ...]:
    info = host.info(connector)
    guide = guides.guide_of(info)
    tag = guides.choose(guide, language) or guides.choose(guide, "en")
    return () if tag is None else tuple(explained_in(guide[tag], info.id))


def _of_package(name: str, language: str) -> tuple[Explanation, ...]:
    guide = guides.guide_of_package(name, guides.choose(LANGUAGES, language) or "en")
    return tuple(explained_in(guide, name))


def _find(code: str, language: str) -> Explanation:
    match = _CODE.fullmatch(code)
    if match is None:
        raise CommandError(_("CODE is not the code of a problem"), _("passpost explain E101"))
    if match["owner"] is None:
        known = list(explanations(guides.choose(LANGUAGES, language) or "en"))
    else:
        known = list(_of_any(match["owner"], language))
    for one in known:
        if one.code.lower() == code.lower():
            return one
    near = nearest(code, [one.code for one in known])
    raise CommandError(
        _("unknown code `{code}`", code=code),
        _("did you mean `{near}`?", near=near)
        if near
        else _("to list the codes: passpost explain"),
    )


def _list(codes: list[Explanation], *, as_json: bool) -> None:
    if as_json:
        listed = [{"code": one.code, "title": one.title, "area": one.area} for one in codes]
        out_json({"ok": True, "codes": listed})
        return
    width = max((len(one.code) for one in codes), default=0) + 2
    for one in codes:
        out(f"{one_line(one.code):<{width}}{one_line(one.title)}")
    out()
    out(_("Explain one with: passpost explain CODE"))
