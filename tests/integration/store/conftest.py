"""A database of its own for each test, on one embedded PostgreSQL for all of them."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from services.runtime.embedded_postgres import EmbeddedPostgres
from services.store.writer import StoreWriter, open_store
from services.tools.migrate import migrate

TABLES = (
    "terminals", "positions", "latest_position", "zone_events", "messages", "rejects",
    "log_offsets", "tallies", "ledger",
)  # fmt: skip

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server_dsn() -> Iterator[str]:
    """A server, and on it a database with Dipper's tables."""
    with tempfile.TemporaryDirectory() as directory, asyncio.Runner() as runner:
        server = EmbeddedPostgres(Path(directory) / "postgres")
        dsn = runner.run(server.__aenter__())
        try:
            runner.run(migrate(dsn))
            yield dsn
        finally:
            runner.run(server.__aexit__(None, None, None))


@pytest.fixture
async def empty_dsn(server_dsn: str) -> AsyncIterator[str]:
    """A new database without tables."""
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(server_dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    yield server_dsn.replace("/dipper?", f"/{name}?")
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def dsn(server_dsn: str) -> str:
    """A database with Dipper's tables, all empty."""
    connection = await asyncpg.connect(server_dsn)
    await connection.execute(f"TRUNCATE {', '.join(TABLES)} RESTART IDENTITY")
    await connection.close()
    return server_dsn


@pytest.fixture
async def writer(dsn: str) -> AsyncIterator[StoreWriter]:
    """A store on that database."""
    async with await open_store(dsn, connections=4, timeout_s=20) as store:
        yield store


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to look at the tables with."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()
