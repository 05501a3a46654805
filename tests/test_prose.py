"""The words of everything that a person reads: see docs/prose.toml."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import check_prose as PROSE  # noqa: E402, N812 - a script
from prose_passages import Passage, _plain, passages  # noqa: E402 - likewise

RULES = PROSE.read_rules()


def found(rule: Any, text: str, path: str = "README.md") -> list[str]:
    passage = Passage(path, 1, rule.kinds[0], _plain(text))
    return [str(finding) for finding in rule.findings(passage)]


@pytest.mark.parametrize("pattern", RULES.patterns)
def test_what_is_read_keeps_to_the_rules(pattern: str) -> None:
    files = PROSE.files([pattern])
    assert files, "no file fits this pattern any more"
    held = PROSE.files([pattern], RULES.not_yet)
    assert [str(f) for path in held for f in RULES.findings(passages(path))] == []


def test_there_is_something_to_read_of_each_kind() -> None:
    """A rule for what nobody writes any more, or writes in another way, would hold nothing."""
    found = Counter(one.kind for path in PROSE.files(RULES.patterns) for one in passages(path))
    assert (
        min(found[kind] for kind in ("page", "docstring", "function", "comment", "string")) > 2000
    )
    assert found["problem"] > 120
    assert found["hint"] > 40
    assert set(found) == {kind for rule in RULES.rules for kind in rule.kinds}


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_a_rule_finds_what_it_is_for_and_nothing_else(rule: Any) -> None:
    assert rule.wrong
    assert rule.right
    assert [text for text in rule.wrong if not found(rule, text)] == []
    assert [text for text in rule.right if found(rule, text)] == []
    assert rule.instead
    assert rule.reason


def test_an_exception_is_used_and_has_a_reason() -> None:
    strict = PROSE.Rules(RULES.rules, RULES.patterns)
    for exception in RULES.allowed:
        assert exception["reason"]
        files = PROSE.files([exception["path"]])
        found = [f for path in files for f in strict.findings(passages(path))]
        assert any(PROSE.allows(exception, finding) for finding in found), exception


SOURCE = '''
"""Give a mail.

Example::

    this is no prose

`is no` prose either.

Args:
    mail: The email.
"""

# A comment of two lines, which
# is no rule.  # noqa: D100 - it is none

def explained() -> str:
    """Give it."""
    raise ValueError(f"the setting {1} is no number")

SHORT = "is no key"
WRONG = [Problem("a.b", "Not a text"), Invalid("not a text.", "fix it"), Error(hint="fix it")]
FAULTS = [Fault("account", "fix it"), Fault("timeout", "silent for long")]
SAID = [Problem("a.b", _("Not {a}", a=1)), Error(hint=_("fix it") if SHORT else _("fix this"))]
WHY: Final = _("Not this")
FIX, CODE = _("fix it"), "code to paste"

def named() -> object:
    return [Invalid(WHY), Invalid(WHY), Error(hint=FIX), Error(hint=CODE), Fault("order", _("so"))]
'''


def test_source_is_read_as_docstrings_comments_and_texts(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(SOURCE)
    read = list(passages(tmp_path / "module.py", tmp_path))
    found = [(f.passage.kind, f.rule.id, f.line) for f in RULES.findings(read)]
    assert sorted(found) == [
        ("comment", "is-no", 15),
        ("comment", "is-no", 15),
        ("docstring", "a-mail", 2),
        ("function", "give-docstring", 17),
        ("hint", "hint-form", 22),
        ("hint", "hint-form", 22),
        ("hint", "hint-form", 23),
        ("hint", "hint-form", 23),
        *[("hint", "hint-form", 24)] * 4,
        *[("hint", "hint-form", 26)] * 2,
        ("problem", "problem-form", 22),
        ("problem", "problem-form", 22),
        ("problem", "problem-form", 24),
        ("problem", "problem-form", 25),
        ("string", "is-no", 19),
    ]


PAGE = """\
# A mail

| what | cure |
|---|---|
| `a mail` | it is no [mail](https://example.com/a-mail-door) |

```text
a mail
```

<!-- reference: start -->
a mail
<!-- reference: end -->

1. 使用API
2. The mail service (邮件推送), `https://example.com/door`
3. a door
"""


def test_a_page_is_read_without_its_code_links_and_tables(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(PAGE, "utf-8")
    read = list(passages(tmp_path / "page.md", tmp_path))
    found = [(f.rule.id, f.line) for f in RULES.findings(read)]
    assert sorted(found) == [
        ("a-mail", 1),
        ("a-mail", 5),
        ("cure", 3),
        ("door", 17),
        ("is-no", 5),
        ("zh-space", 15),
    ]


EXAMPLES = """\
```python
# A mail.
config = parse("it is no key", "https://example.com/a-mail")
```

1. an item

   ```jsonc
   {
     // A comment: the door.
     "content": "您的验证码: \\n{{code}}",
     /* 不写 */
   }
   ```

```toml
description = "Sends a mail for you"  # refused
```

```console
$ send a mail
a mail was sent
```
"""


def test_the_examples_of_a_page_are_read_but_not_what_commands_print(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(EXAMPLES, "utf-8")
    read = list(passages(tmp_path / "page.md", tmp_path))
    found = [(f.passage.kind, f.rule.id, f.line) for f in RULES.findings(read)]
    assert sorted(found) == [
        ("comment", "a-mail", 2),
        ("comment", "door", 10),
        ("comment", "refuse", 17),
        ("comment", "zh-literal", 12),
        ("string", "a-mail", 17),
        ("string", "is-no", 3),
        ("string", "zh-half-width", 11),
    ]


CATALOG = r"""
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\n"

#: module.py
msgid "a mail"
msgstr "不写"

#, python-brace-format
msgid ""
"{key} is "
"no `door` of \"{id}\""
msgstr ""
"{key}是API，"
"{id}不写"

msgid "OK"
msgstr "passpost mail"
"""


def test_a_catalog_is_read_in_both_languages(tmp_path: Path) -> None:
    path = tmp_path / "locale/zh_CN/LC_MESSAGES/a.po"
    path.parent.mkdir(parents=True)
    path.write_text(CATALOG, "utf-8")
    read = list(passages(path, tmp_path))
    found = [(f.passage.language, f.rule.id, f.line) for f in RULES.findings(read)]
    assert sorted(found) == [
        ("en", "a-mail", 6),
        ("en", "is-no", 10),
        ("zh", "zh-literal", 7),
        ("zh", "zh-literal", 13),
        ("zh", "zh-space", 13),
    ]
