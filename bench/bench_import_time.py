"""How long do imports take, and ``passpost --help``? Each beside its peer, as whole processes.

    python bench/bench_import_time.py [RUNS]

The peers are ``import pluggy, attrs, cattrs, chevron`` (what passpost cannot do without) and the
``--help`` of a program that imports click alone. Peer and passpost take turns, so that whatever
else the machine does slows both, and medians are compared. The targets hold for whole processes;
"net" is the ratio without what Python itself takes to start and stop.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

RUNS = 31

# The peers were compiled when they were installed; the first turn compiles a checkout, if it may.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

NOTHING = "pass"
DEPENDENCIES = "import pluggy, attrs, cattrs, chevron"
CLICK_PROGRAM = """
import click

@click.group()
def cli():
    "A program that imports click alone."

@cli.command()
@click.argument("name")
@click.option("--count", default=1)
def greet(name, count):
    "Say hello."

cli(prog_name="program")
"""

API = "from passpost import Host, Mailer, Message"
HELP = "from passpost_cli import main; main()"

CASES = (
    # What is measured, its code, the peer's, the arguments, and how often the peer it may take.
    ("import passpost", "import passpost", DEPENDENCIES, (), 1.6),
    # Without a target: a mailer needs asyncio, ssl and anyio besides, which the peer does not have.
    (API, API, DEPENDENCIES, (), None),
    ("passpost --help", HELP, CLICK_PROGRAM, ("--help",), 2.0),
)

Times = tuple[float, float, float]


def seconds(code: str, arguments: Sequence[str]) -> float:
    """Time one process from its start to its end."""
    command = [sys.executable, "-c", code, *arguments]
    started = time.perf_counter()
    subprocess.run(command, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def medians(ours: str, peer: str, arguments: Sequence[str], runs: int) -> Times:
    """Time passpost, the peer and an empty program by turns; the first turn warms the caches."""
    codes = ((ours, arguments), (peer, arguments), (NOTHING, ()))
    turns = [[seconds(*code) for code in codes] for _ in range(runs + 1)][1:]
    mine, theirs, empty = (statistics.median(column) for column in zip(*turns, strict=True))
    return mine, theirs, empty


def main() -> int:
    """Measure all cases; the exit status says whether all targets were met."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    print(f"medians of {runs} processes each; Python {sys.version.split()[0]}")
    print(f"{'':<46} {'passpost':>9} {'peer':>9} {'ratio':>6} {'net':>6} {'target':>7}")
    missed = 0
    for name, ours, peer, arguments, target in CASES:
        mine, theirs, empty = medians(ours, peer, arguments, runs)
        ratio, net = mine / theirs, (mine - empty) / (theirs - empty)
        verdict = "" if target is None else "ok" if ratio <= target else "missed"
        missed += verdict == "missed"
        times = f"{mine * 1000:>6.1f} ms {theirs * 1000:>6.1f} ms"
        print(f"{name:<46} {times} {ratio:>6.2f} {net:>6.2f} {target or '':>7}  {verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
