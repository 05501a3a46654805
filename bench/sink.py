"""The far end of the throughput benchmark: builds ``sink.c`` and runs it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

import trustme

_SOURCE: Final = Path(__file__).with_name("sink.c")
_LIBRARIES: Final = ("-lssl", "-lcrypto", "-lpthread")


class CannotRunError(Exception):
    """Something that a benchmark cannot do without is not there; the text says how to get it."""


class Sink:
    """A running sink.

    Attributes:
        port: Where it listens on 127.0.0.1.
        authority: The file with the authority of its certificate; empty without TLS.
    """

    def __init__(self, process: subprocess.Popen[str], authority: str) -> None:
        self._process = process
        self.authority = authority
        self.port = int(self._read())

    def taken(self) -> tuple[int, int]:
        """Return the emails that it has taken so far, and their octets."""
        cast("IO[str]", self._process.stdin).write("\n")
        cast("IO[str]", self._process.stdin).flush()
        mails, octets = map(int, self._read().split())
        return mails, octets

    def _read(self) -> str:
        return cast("IO[str]", self._process.stdout).readline()


@contextlib.contextmanager
def built() -> Iterator[Path]:
    """Build the sink, and give its program.

    Raises:
        CannotRunError: There is no C compiler, or no OpenSSL to build with.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise CannotRunError("there is no C compiler: apt-get install gcc libc6-dev libssl-dev")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "sink"
        done = subprocess.run(
            [compiler, "-O2", "-o", program, _SOURCE, *_LIBRARIES],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CannotRunError(f"the sink does not build (libssl-dev missing?):\n{done.stderr}")
        yield program


@contextlib.contextmanager
def running(
    program: Path, *, tls: bool = False, chunking: bool = True, stamps: Path | None = None
) -> Iterator[Sink]:
    """Run the sink.

    Args:
        program: What `built` gave.
        tls: Whether it offers STARTTLS, and AUTH behind it.
        chunking: Whether it offers CHUNKING.
        stamps: A file to which it writes the recipient and the moment of each email.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = [] if chunking else ["--no-chunking"]
        options += [] if stamps is None else ["--stamps", str(stamps)]
        options += _certificate(Path(folder)) if tls else []
        authority = str(Path(folder) / "authority.pem") if tls else ""
        with subprocess.Popen(
            [program, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield Sink(process, authority)
            finally:
                # It ends when its standard input does.
                cast("IO[str]", process.stdin).close()


def _certificate(folder: Path) -> list[str]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    return ["--tls", str(folder / "certificate.pem"), str(folder / "key.pem")]
