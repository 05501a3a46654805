"""Makes the tables in PostgreSQL, as a deployment does: ``python -m sign_up.tables``."""

from __future__ import annotations

import asyncio

from passpost_outbox import AsyncOutbox
from sign_up.settings import FILE
from sign_up.with_procrastinate import engine


async def main() -> None:
    """Make the tables of Procrastinate; the store makes its own when it is first used."""
    await engine.create_tables()
    async with AsyncOutbox.from_file(FILE, engine=engine) as outbox:
        await outbox.counts()


if __name__ == "__main__":
    asyncio.run(main())
