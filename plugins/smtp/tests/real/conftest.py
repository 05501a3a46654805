"""Real mail servers, each with a configuration and a spool of its own on a port of loopback.

`.ci/install-servers` installs them; what needs one that is absent is skipped with the reason.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest
import trustme

from pytest_passpost import SmtpServer

UNPACKED = Path(os.environ.get("PASSPOST_SERVERS", "/opt/passpost-servers"))
NOBODY = 65534
START = 30.0
AUTHORITY = trustme.CA()
USER, PASSWORD = "ada", "pass word/1"


class RealServer:
    """A mail server that takes every email and keeps it.

    Attributes:
        name: What it is called.
        port: The port that starts unencrypted, with STARTTLS on offer.
        signs_in: Whether it signs `user` in once TLS is up.
        complaints: What is in its log's lines where a client did something wrong, in lower case.
        of_the_machine: What is in lines that say something of the machine, not of a client.
        authority: Who issued its certificate.
    """

    name: str
    port: int
    signs_in = True
    complaints: tuple[str, ...] = ()
    of_the_machine: tuple[str, ...] = ()
    user, password = USER, PASSWORD
    authority = AUTHORITY.cert_pem.bytes().decode()

    def take(self, count: int) -> list[bytes]:
        """Wait for so many new emails, and give them as they were delivered."""
        raise NotImplementedError

    def log(self) -> str:
        """Return what it has logged."""
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError


Started = TypeVar("Started", bound=RealServer)


def free_port() -> int:
    """Return a port below those that systems hand out by themselves.

    Between now and the moment when the server binds it, no other test's socket gets it by chance.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def until(condition: Callable[[], bool], what: str) -> None:
    """Poll what happens in another process, which no event of ours can tell of."""
    deadline = time.monotonic() + START
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {START} s for {what}")
        time.sleep(0.01)


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            return sock.recv(100).startswith(b"220")
    except OSError:
        return False


class Maildir:
    """Emails as a server delivers them: one file each, moved into place when it is complete."""

    def __init__(self, path: Path) -> None:
        self.new = path / "new"
        self._seen: set[str] = set()

    def take(self, count: int) -> list[bytes]:
        until(lambda: len(self._fresh()) >= count, f"{count} mails in {self.new}")
        fresh = self._fresh()
        self._seen |= fresh
        return [(self.new / name).read_bytes() for name in sorted(fresh)]

    def _fresh(self) -> set[str]:
        return (
            {path.name for path in self.new.iterdir()} - self._seen if self.new.is_dir() else set()
        )


def certificates(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 that `AUTHORITY` issued, and its key."""
    issued = AUTHORITY.issue_cert("127.0.0.1")
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return cert, key


class Process:
    """A server's process group, ended with it."""

    def __init__(self, command: list[str], output: Path) -> None:
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                command, stdout=file, stderr=file, start_new_session=True
            )

    def stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        self.wait()

    def wait(self) -> None:
        self._process.wait(10)


POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = /
myhostname = mail.example.test
mydestination =
fast_flush_domains =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_recipient_restrictions = check_recipient_access
 inline:{{{{refused.test = 550 5.1.1 no such user here}}}}, permit_mynetworks
default_transport = virtual
alias_maps =
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1
smtputf8_enable = yes
smtpd_tls_security_level = may
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
"""

POSTFIX_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{plain} inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=chunking,pipelining
127.0.0.1:{pipelining} inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=chunking
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(RealServer):
    """Postfix: PIPELINING, CHUNKING, SMTPUTF8; on two ports with less."""

    name = "Postfix"
    signs_in = False
    complaints = (
        "warning:",
        "improper",
        "non-smtp",
        "too many errors",
        "lost connection after data",
    )
    # A file system whose clock lags behind the system's, as those of virtual machines may.
    of_the_machine = ("resetting file time stamps",)

    def __init__(self, folder: Path) -> None:
        self.port, self.pipelining_port, self.plain_port = free_port(), free_port(), free_port()
        self._folder = folder
        cert, key = certificates(folder)
        etc = folder / "etc"
        for name in ("etc", "queue", "data", "mail"):
            (folder / name).mkdir()
        shutil.chown(folder / "data", "postfix")
        shutil.chown(folder / "mail", NOBODY, NOBODY)
        (etc / "main.cf").write_text(POSTFIX_MAIN.format(folder=folder, cert=cert, key=key))
        (etc / "master.cf").write_text(
            POSTFIX_MASTER.format(
                port=self.port, pipelining=self.pipelining_port, plain=self.plain_port
            )
        )
        self._mail = Maildir(folder / "mail")
        self._process = Process(["postfix", "-c", str(etc), "start-fg"], folder / "output")
        until(lambda: answers(self.port), self.name)

    def take(self, count: int) -> list[bytes]:
        return self._mail.take(count)

    def log(self) -> str:
        return (self._folder / "log").read_text()

    def stop(self) -> None:
        # The master has left the process group that it was started in.
        os.kill(int((self._folder / "queue/pid/master.pid").read_text()), signal.SIGTERM)
        self._process.wait()


EXIM = """
primary_hostname = mail.example.test
exim_path = {binary}
spool_directory = {folder}/spool
log_file_path = {folder}/log.%s
pid_file_path = {folder}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts = *
tls_certificate = {cert}
tls_privatekey = {key}
chunking_advertise_hosts = *
pipelining_advertise_hosts = *
smtputf8_advertise_hosts = *
accept_8bitmime = true
deliver_drop_privilege = true
smtp_accept_queue_per_connection = 0
smtp_accept_max = 0
never_users =
log_selector = +smtp_protocol_error +smtp_syntax_error +smtp_incomplete_transaction
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin acl
accept:
  accept
begin routers
everyone:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  user = Debian-exim
  group = Debian-exim
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and {{{{eq{{$auth2}}{{{user}}}}} {{eq{{$auth3}}{{{password}}}}}}}}}
  server_advertise_condition = ${{if def:tls_in_cipher}}
"""


class Exim(RealServer):
    """Exim: PIPELINING, CHUNKING, and AUTH once TLS is up."""

    name = "Exim"
    complaints = ("protocol", "syntax", "unexpected", "incomplete", "rejected", "sync")

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        cert, key = certificates(folder)
        for name in ("spool", "mail"):
            (folder / name).mkdir()
        # With a configuration of one's own, Exim gives up root's rights: it delivers as itself.
        for path in (folder, folder / "spool", folder / "mail"):
            shutil.chown(path, "Debian-exim", "Debian-exim")
        binary = str(UNPACKED / "usr/sbin/exim4")
        config = folder / "exim.conf"
        config.write_text(
            EXIM.format(
                folder=folder,
                binary=binary,
                port=self.port,
                cert=cert,
                key=key,
                user=USER,
                password=PASSWORD,
            )
        )
        self._mail = Maildir(folder / "mail")
        self._process = Process([binary, "-C", str(config), "-bdf"], folder / "output")
        until(lambda: answers(self.port), self.name)

    def take(self, count: int) -> list[bytes]:
        return self._mail.take(count)

    def log(self) -> str:
        logs = [path.read_text() for path in self._folder.glob("log.*")]
        return "".join([*logs, (self._folder / "output").read_text()])

    def stop(self) -> None:
        self._process.stop()


OPENSMTPD = """
listen on 127.0.0.1 port {port}
action "keep" relay host "smtp://127.0.0.1:{sink}"
match from any for any action "keep"
"""


class OpenSmtpd(RealServer):
    """OpenSMTPD: neither PIPELINING nor CHUNKING on offer; it relays to a server of the tests.

    Unencrypted: the build of Debian 12 loses its private key to OpenSSL 3, with any client.
    """

    name = "OpenSMTPD"
    signs_in = False
    complaints = ("failed-command", "bad-input", "fatal")

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._output = folder / "output"
        self._sink = SmtpServer()
        self._sink.__enter__()
        self._taken = 0
        spool, config = folder / "spool", folder / "smtpd.conf"
        spool.mkdir()
        spool.chmod(0o711)
        config.write_text(OPENSMTPD.format(port=self.port, sink=self._sink.port))
        # The places of the spool and of the control socket are compiled in: this server sees
        # folders of its own there, and several of it can run at a time.
        run = folder / "run"
        run.mkdir()
        mounts = (
            'mount --bind "$0" /var/spool/smtpd && mount --bind "$1" /run && shift && exec "$@"'
        )
        smtpd = [str(UNPACKED / "usr/sbin/smtpd"), "-dvf", str(config)]
        alone = ["unshare", "--mount", "sh", "-c", mounts, str(spool), str(run)]
        self._process = Process([*alone, *smtpd], self._output)
        until(lambda: answers(self.port), self.name)

    def take(self, count: int) -> list[bytes]:
        mails = self._sink.wait_for(self._taken + count, START)
        fresh = [mail.data for mail in mails[self._taken :]]
        self._taken = len(mails)
        return fresh

    def log(self) -> str:
        return self._output.read_text()

    def stop(self) -> None:
        self._process.stop()
        self._sink.__exit__(None, None, None)


def need(binary: Path) -> None:
    """Skip what needs a server that is not there, or fail where nothing may be skipped."""
    if os.geteuid() == 0 and binary.exists():
        return
    reason = f"{binary} is not there, or not for us: run .ci/install-servers and the tests as root"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running(make: Callable[[Path], Started], binary: Path) -> Iterator[Started]:
    """Run a server in a folder which it can still enter once it has given up root's rights."""
    need(binary)
    with tempfile.TemporaryDirectory(prefix="passpost-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = make(folder)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postfix() -> Iterator[Postfix]:
    with running(Postfix, Path("/usr/sbin/postfix")) as server:
        yield server


@pytest.fixture(scope="session")
def exim() -> Iterator[Exim]:
    with running(Exim, UNPACKED / "usr/sbin/exim4") as server:
        yield server


@pytest.fixture(scope="session")
def opensmtpd() -> Iterator[OpenSmtpd]:
    with running(OpenSmtpd, UNPACKED / "usr/sbin/smtpd") as server:
        yield server


@pytest.fixture(scope="session", params=["postfix", "exim", "opensmtpd"])
def real_server(request: pytest.FixtureRequest) -> RealServer:
    server: RealServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session", params=["postfix", "exim"])
def tls_server(request: pytest.FixtureRequest) -> RealServer:
    server: RealServer = request.getfixturevalue(request.param)
    return server
