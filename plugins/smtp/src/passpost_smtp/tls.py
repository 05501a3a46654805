"""TLS between the transport and the replies, on the standard library's `ssl.SSLObject`.

The layer is sans-I/O. asyncio's own TLS transport buffers on both of its sides, and so cannot tell
whether the last byte of a message went to the kernel, which decides between ``rejected`` and
``unknown``; here the bytes to write come back to the caller, who knows.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import Final

_CHUNK: Final = 65536


class TlsLayer:
    """One TLS connection as a client, from bytes to bytes.

    Args:
        context: The config's context.
        server_name: The name to ask for (SNI) and to find in the certificate.

    Attributes:
        done: Whether the handshake is over.
        closed: Whether the server has said that it sends no more (close_notify).
    """

    __slots__ = ("_incoming", "_object", "_outgoing", "closed", "done")

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self.done = False
        self.closed = False

    def continue_handshake(self, data: bytes = b"") -> None:
        """Continue the handshake as far as the bytes allow; `outgoing` returns what to write.

        Raises:
            ssl.SSLError: The handshake failed.
        """
        self._incoming.write(data)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.done = True

    def outgoing(self) -> bytes:
        """Take the bytes that wait to be written."""
        return self._outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        """Encrypt bytes, and return what to write.

        Raises:
            ssl.SSLError: The connection can carry nothing more.
        """
        self._object.write(data)
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> bytes:
        """Decrypt bytes that came; a record that is not whole yet gives nothing.

        Raises:
            ssl.SSLError: The bytes are not TLS, or were tampered with.
        """
        self._incoming.write(data)
        parts = []
        try:
            # Asked first whether there is more: to find out by an exception costs more than that.
            while not self.closed and (self._incoming.pending or self._object.pending()):
                parts.append(self._object.read(_CHUNK))
                self.closed = not parts[-1]
        except ssl.SSLWantReadError:
            pass
        return b"".join(parts)

    def close_notify(self) -> bytes:
        """Return the close_notify alert, to write before the connection is closed."""
        # The server's own close_notify has not come: nobody waits for it.
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        return self._outgoing.read()

    def describe(self) -> str:
        """Name version and cipher: ``TLSv1.3, TLS_AES_256_GCM_SHA384``."""
        cipher = self._object.cipher()
        return f"{self._object.version()}, {cipher[0] if cipher else 'no cipher'}"

    def certificate(self) -> bytes | None:
        """Return the server's certificate (DER), also an unverified one."""
        return self._object.getpeercert(binary_form=True)

    def verified_certificate(self) -> dict[str, object]:
        """Return the fields of the server's certificate; empty where it was not verified."""
        return dict(self._object.getpeercert() or {})
