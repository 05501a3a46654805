"""Builds every package, installs them as a user would, and tries them: `make release-check`.

The built files stay in ``dist/``, ready to be uploaded. What is installed comes from there, and
everything else from the package index, in the versions of ``constraints.txt``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

from packages import ROOT, disagreements, projects

DIST: Final = ROOT / "dist"
SMOKE: Final = """from passpost import Host
from passpost.testing import SmtpServer
assert [c.id for c in Host().installed()] == "acme aliyun-dm sendgrid ses smtp webhook".split()
"""


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a program; end here if it fails."""
    shown = " ".join(map(str, command)).strip().splitlines()[0]
    sys.stdout.write(f"$ {shown}\n")
    sys.stdout.flush()
    done = subprocess.run(list(map(str, command)), cwd=cwd, check=False)  # noqa: S603 - our own
    if done.returncode:
        sys.exit(done.returncode)


def build() -> list[Path]:
    """Build the source distribution of each package, and its wheel from that."""
    shutil.rmtree(DIST, ignore_errors=True)
    for folder, _ in projects().values():
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", DIST, folder)
    return sorted(DIST.glob("*.whl"))


def environment(folder: Path, *requirements: str) -> Path:
    """Return the programs of a new environment with these packages and what they require."""
    # A name alone could bring another release from the index: these versions are only here.
    ours = [f"{name}=={project['version']}" for name, (_, project) in projects().items()]
    constraints = folder.with_suffix(".txt")
    constraints.write_text("\n".join(ours) + "\n" + (ROOT / "constraints.txt").read_text("utf-8"))
    venv.create(folder, with_pip=True, symlinks=True)
    pip = (folder / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "install", "--find-links", DIST, "--constraint", constraints, *requirements)
    run(*pip, "check")
    return folder / "bin"


def try_out(folder: Path) -> None:
    """Use what was built: the demonstration alone, then every connector and a new one."""
    programs = environment(folder / "demo", "passpost[demo]")
    run(programs / "passpost", "demo", cwd=folder)
    connectors = [n.removesuffix("-stand-in") for n in projects() if n.endswith("-stand-in")]
    every = [f"{name}[stand-in]" for name in connectors]
    programs = environment(folder / "all", "passpost[cli,testing]", *every)
    run(programs / "passpost", "demo", cwd=folder)
    run(programs / "passpost", "new", "acme", cwd=folder)
    made = folder / "passpost-acme"
    pip = (programs / "python", "-m", "pip", "--quiet", "install", "--editable")
    run(*pip, made, *(f"--editable={stand_in}" for stand_in in made.glob("stand_in")))
    run(programs / "python", "-W", "error", "-c", SMOKE, cwd=folder)
    run(programs / "python", "-m", "pytest", "--quiet", cwd=made)


def main() -> None:
    """Check the versions, build, install, and try."""
    if wrong := list(disagreements(projects())):
        sys.exit("\n".join(wrong))
    built = build()
    with tempfile.TemporaryDirectory() as folder:
        try_out(Path(folder))
    sys.stdout.write(f"{len(built)} packages are ready in {DIST}\n")


if __name__ == "__main__":
    main()
