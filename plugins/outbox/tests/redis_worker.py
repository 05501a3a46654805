"""One process of a fleet: claims emails of a Redis outbox until none is queued, and prints them."""

from __future__ import annotations

import asyncio
import secrets
import sys

from passpost_outbox import Claim, Finish, Result
from passpost_outbox.redis import RedisStore

AT_A_TIME = 8


async def main(url: str) -> None:
    store = RedisStore(url, timeout=30)
    await store.now()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()

    async def work() -> None:
        owner = secrets.token_hex(8)
        while (change := await store.claim_next(Claim(owner, 60_000))) is not None:
            assert change.body == change.record.id.encode()
            sys.stdout.write(f"{change.record.id}\n")
            await store.apply(change.record.id, Finish(owner, Result(state="accepted")))
            owner = secrets.token_hex(8)

    await asyncio.gather(*(work() for _ in range(AT_A_TIME)))
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
