"""From `pip install` to the email in the inbox: what a new operator types, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "newcomer"))

from operator_answers import LANGUAGES, SECRET, Inbox, prompts

ROOT = Path(__file__).parents[3]
OURS = ("core", "cli", "tools", "templates", "plugins/smtp")
INSTALL = "pip install 'passpost[cli]' passpost-smtp"
LOCALES = {"en": "en_US.UTF-8", "zh-CN": "zh_CN.UTF-8"}
AT_MOST = 5


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the packages that the operator asks for, as they are published."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder)]
    sources = [str(ROOT / source) for source in OURS]
    subprocess.run([*command, *sources], check=True, capture_output=True)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Return the programs of a new environment, without any package of ours.

    What others have published is lent from the environment of the tests, so that nothing comes
    from a network: pip finds it there, and need not look elsewhere. Our own packages are left out.
    """
    lent = tmp_path / "lent"
    lent.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "passpost" not in path.name and path.suffix != ".pth":
            (lent / path.name).symlink_to(path)
    venv.create(tmp_path / "env", symlinks=True)
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(f"{lent}\n")
    programs = tmp_path / "env/bin"
    pip = programs / "pip"
    pip.write_text(f"#!{programs}/python\nfrom pip._internal.cli.main import main\nmain()\n")
    pip.chmod(0o755)
    return programs


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_operator_installs_asks_and_has_the_email(
    tmp_path: Path,
    wheels: Path,
    environment: Path,
    terminal: Callable[..., Any],
    inbox: Inbox,
    language: str,
) -> None:
    guide = "README.md" if language == "en" else "README.zh-CN.md"
    assert f"$ {INSTALL}\n" in (ROOT / guide).read_text("utf-8")
    folder = tmp_path / "service"
    folder.mkdir()
    environ = {
        "PATH": f"{environment}:/usr/bin:/bin",
        "LC_ALL": LOCALES[language],
        "PYTHONPATH": None,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_CACHE_DIR": "1",
    }
    typed = []

    def begin(line: str) -> Any:
        typed.append(line)
        return terminal("sh", "-c", line, folder=folder, environ=environ)

    assert not (environment / "passpost").exists()
    with begin(INSTALL) as installing:
        assert installing.ended() == 0, installing.text
        assert (environment / "passpost").exists()
    with begin("passpost init") as talked:
        for prompt, answer in prompts(language):
            talked.answer(prompt, answer.format(port=inbox.port, place="file"))
        assert talked.ended() == 0, talked.text
    assert len(inbox.emails) == 1
    with begin("passpost send passpost.jsonc --test --to bob@example.com") as sending:
        assert sending.ended() == 0, sending.text
    assert len(typed) <= AT_MOST
    messages = [message_from_bytes(email, policy=policy.default) for email in inbox.emails]
    assert [message["To"] for message in messages] == ["ada@example.com", "bob@example.com"]
    assert SECRET not in talked.text + sending.text
    for message in messages:
        body = message.get_body(("plain",))
        assert body is not None
        assert "000000" in body.get_content()
