"""The words of everything that a person reads: see docs/prose.toml."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[1]


def script() -> ModuleType:
    """Load docs/check_prose.py, which is a script."""
    spec = importlib.util.spec_from_file_location("check_prose", ROOT / "docs/check_prose.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


PROSE = script()
RULES = PROSE.read_rules()


def found(rule: Any, text: str, path: str = "README.md") -> list[str]:
    passage = PROSE.Passage(path, 1, rule.kinds[0], PROSE._plain(text))
    return [str(finding) for finding in rule.findings(passage)]


@pytest.mark.parametrize("pattern", RULES.patterns)
def test_what_is_read_keeps_to_the_rules(pattern: str) -> None:
    files = PROSE.files([pattern])
    assert files, "no file fits this pattern any more"
    held = PROSE.files([pattern], RULES.not_yet)
    assert [str(f) for path in held for f in RULES.findings(PROSE.passages(path))] == []


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
        found = [f for path in files for f in strict.findings(PROSE.passages(path))]
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
FAULTS = [Fault("account", "fix it"), Fault("timeout", "silent")]
'''


def test_source_is_read_as_docstrings_comments_and_texts(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(SOURCE)
    passages = list(PROSE.passages(tmp_path / "module.py", tmp_path))
    found = [(f.passage.kind, f.rule.id, f.line) for f in RULES.findings(passages)]
    assert sorted(found) == [
        ("comment", "is-no", 15),
        ("comment", "is-no", 15),
        ("docstring", "a-mail", 2),
        ("function", "give-docstring", 17),
        ("hint", "hint-form", 22),
        ("hint", "hint-form", 22),
        ("hint", "hint-form", 23),
        ("hint", "hint-form", 23),
        ("problem", "problem-form", 22),
        ("problem", "problem-form", 22),
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
    passages = list(PROSE.passages(tmp_path / "page.md", tmp_path))
    found = [(f.rule.id, f.line) for f in RULES.findings(passages)]
    assert sorted(found) == [
        ("a-mail", 1),
        ("a-mail", 5),
        ("cure", 3),
        ("door", 17),
        ("is-no", 5),
        ("zh-space", 15),
    ]
