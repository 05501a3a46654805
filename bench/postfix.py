"""A real Postfix of the benchmark's own: on loopback, with its own spool. It drops every email.

It can also keep all of them, and be stopped, killed or paused while emails come.

It listens on four ports: with all its extensions, with PIPELINING but no CHUNKING, with neither,
and with TLS from the start. On the first it has STARTTLS, and AUTH behind it.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import socket
import socketserver
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
import trustme
from peers import PASSWORD, USER
from sink import CannotRunError

_START: Final = 30.0

_MAIN: Final = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = /
myhostname = mail.example.test
mydestination =
local_recipient_maps =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
default_transport = discard
alias_maps =
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/certificate.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{authenticator}
{more}
"""

KEEPING: Final = "smtpd_client_restrictions = static:HOLD"
"""The setting with which every email stays in the queue ``hold``."""

_MASTER: Final = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{pipelining} inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=chunking
127.0.0.1:{plain} inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=chunking,pipelining
127.0.0.1:{tls} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


@attrs.define(eq=False)
class Postfix:
    """A Postfix that can be started and ended again and again.

    Attributes:
        port: Where it offers all it can.
        pipelining_port: Where it offers PIPELINING but no CHUNKING.
        plain_port: Where it offers neither.
        tls_port: Where TLS comes before everything else.
        folder: Where all of its files are.
    """

    port: int
    pipelining_port: int
    plain_port: int
    tls_port: int
    folder: Path
    _process: subprocess.Popen[bytes] = attrs.field(init=False)

    @property
    def authority(self) -> str:
        """The file with the authority of its certificate."""
        return str(self.folder / "authority.pem")

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            CannotRunError: It does not start.
        """
        self._process = subprocess.Popen(
            ["postfix", "-c", self.folder / "etc", "start-fg"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _wait_for(self.port, self.folder)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the master and all of its processes."""
        # The master has left the process group that it was started in.
        pid = self.folder / "queue" / "pid" / "master.pid"
        os.killpg(int(pid.read_text("ascii")), number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End all of its processes; return once the master has ended."""
        self.send(number)
        self._process.wait(10)

    def kept(self) -> list[bytes]:
        """Return the emails that it has accepted and kept, as they are in its queue."""
        queue = self.folder / "queue" / "hold"
        # What the client was not told to be accepted cannot be executed.
        return [path.read_bytes() for path in queue.iterdir() if path.stat().st_mode & stat.S_IXUSR]


class _Authenticator(socketserver.StreamRequestHandler):
    """Tells Postfix who may sign in, as Dovecot does (its auth protocol, version 1)."""

    def handle(self) -> None:
        """Answer one smtpd until it leaves."""
        self.wfile.write(
            b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n"
        )
        for line in self.rfile:
            kind, *fields = line.decode().rstrip("\n").split("\t")
            if kind == "AUTH":
                known = f"resp={_plain()}" in fields
                word = "OK" if known else "FAIL"
                self.wfile.write(f"{word}\t{fields[0]}\tuser={USER}\n".encode())


def _plain() -> str:
    return base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()


@contextlib.contextmanager
def _authenticator() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Authenticator) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@contextlib.contextmanager
def running(more: str = "") -> Iterator[Postfix]:
    """Run Postfix.

    Args:
        more: Settings of its ``main.cf`` beside those that all have.

    Raises:
        CannotRunError: It is not installed, or this process may not start it.
    """
    if shutil.which("postfix") is None:
        raise CannotRunError("there is no Postfix: apt-get install postfix (.ci/install-servers)")
    if os.geteuid() != 0:
        raise CannotRunError("Postfix must be started as root")
    # In memory where that can be: round trips are to be measured, not a disk.
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name,
        _authenticator() as authenticator,
    ):
        postfix = _configured(Path(name), authenticator, more)
        try:
            postfix.start()
            yield postfix
        finally:
            # It is down already where a benchmark was interrupted in an outage.
            with contextlib.suppress(OSError):
                postfix.send(signal.SIGCONT)
                postfix.stop()


def _configured(folder: Path, authenticator: int, more: str) -> Postfix:
    # Its processes have given up root's rights by the time they come here.
    folder.chmod(0o755)
    for part in ("etc", "queue", "data"):
        (folder / part).mkdir()
    shutil.chown(folder / "data", "postfix")
    _write_certificate(folder)
    names = ("port", "pipelining", "plain", "tls")
    ports = {name: _free_port() for name in names}
    (folder / "etc" / "main.cf").write_text(
        _MAIN.format(folder=folder, authenticator=authenticator, more=more), "ascii"
    )
    (folder / "etc" / "master.cf").write_text(_MASTER.format(**ports), "ascii")
    return Postfix(
        port=ports["port"],
        pipelining_port=ports["pipelining"],
        plain_port=ports["plain"],
        tls_port=ports["tls"],
        folder=folder,
    )


def _write_certificate(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _wait_for(port: int, folder: Path) -> None:
    """Poll until it answers: no event of ours can tell."""
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as sock:
            if sock.recv(100).startswith(b"220"):
                return
        time.sleep(0.02)
    log = folder / "log"
    said = log.read_text("utf-8", "replace")[-1000:] if log.exists() else "it said nothing"
    raise CannotRunError(f"Postfix does not start: {said}")
