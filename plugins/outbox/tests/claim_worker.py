"""Claims all emails of an outbox in PostgreSQL, and prints their IDs, as a process of its own."""

from __future__ import annotations

import asyncio
import sys

from passpost_outbox import Claim
from passpost_outbox.postgres import PostgresStore


async def main(url: str) -> None:
    store = PostgresStore(url, timeout=30)

    async def claim(owner: str) -> None:
        while (change := await store.claim_next(Claim(owner, 60_000))) is not None:
            sys.stdout.write(f"{change.record.id}\n")

    await asyncio.gather(*(claim(f"{number}") for number in range(2)))
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
