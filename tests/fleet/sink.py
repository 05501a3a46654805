"""An SMTP server as a process of its own, which notes each email that it was sent.

Its arguments are a file, and the seconds that it takes to reply to an email. It prints its port.
For each email, it appends the time, the recipient and the Message-ID to the file. The time is the
earliest at which its end can have come: a process that waits for a processor reads later.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Iterable
from typing import SupportsIndex

TICK = 0.005
MESSAGE_ID = re.compile(rb"(?i)^message-id:\s*(\S+)", re.MULTILINE)


class Sink:
    """The server.

    Attributes:
        seen: A time by which it had read all that had come then.
    """

    def __init__(self, path: str, pause: float) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.pause = pause
        self.seen = time.time()

    async def tick(self) -> None:
        last = self.seen
        while True:
            # What came since the last one may be unread, in this turn of the event loop.
            self.seen, last = last, time.time()
            await asyncio.sleep(TICK)

    def accept(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(Reader(self), self.serve)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = b""
        writer.write(b"220 sink\r\n")
        try:
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"EHLO":
                    writer.write(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
                elif verb == b"DATA":
                    writer.write(b"354 go on\r\n")
                    content = await reader.readuntil(b"\r\n.\r\n")
                    assert isinstance(reader, Reader)
                    self.note(reader.came, recipient, content)
                    await asyncio.sleep(self.pause)
                    writer.write(b"250 accepted\r\n")
                elif verb == b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                else:
                    if verb == b"RCPT":
                        recipient = line.partition(b"<")[2].partition(b">")[0]
                    writer.write(b"250 ok\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            # Its client was killed.
            pass
        writer.close()

    def note(self, moment: float, recipient: bytes, content: bytes) -> None:
        found = MESSAGE_ID.search(content)
        message_id = b"none" if found is None else found[1]
        # One write of so few bytes is whole.
        os.write(self.file, b"%f %s %s\n" % (moment, recipient, message_id))


class Reader(asyncio.StreamReader):
    """Knows the earliest moment at which its last octets can have come."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink
        self.came = 0.0

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        self.came = self._sink.seen
        super().feed_data(data)


async def main(path: str, pause: str) -> None:
    sink = Sink(path, float(pause))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(sink.accept, "127.0.0.1", 0, backlog=1000)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await sink.tick()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
