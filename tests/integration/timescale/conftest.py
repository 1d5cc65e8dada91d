"""An empty database on each edition that Dipper runs on."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from services.runtime.embedded_postgres import EmbeddedPostgres
from tests.engines.pglite import Server

_numbers = itertools.count()


@pytest.fixture(scope="session")
def plain_server() -> Iterator[str]:
    """PostgreSQL without TimescaleDB."""
    with tempfile.TemporaryDirectory() as directory, asyncio.Runner() as runner:
        server = EmbeddedPostgres(Path(directory) / "postgres")
        dsn = runner.run(server.__aenter__())
        try:
            yield dsn
        finally:
            runner.run(server.__aexit__(None, None, None))


async def _own_database(server: str) -> AsyncIterator[str]:
    name = f"dipper_timescale_{next(_numbers)}"
    admin = await asyncpg.connect(server)
    await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def plain_dsn(plain_server: str) -> AsyncIterator[str]:
    """A new database on plain PostgreSQL."""
    async for dsn in _own_database(plain_server):
        yield dsn


@pytest.fixture
async def apache_dsn(timescaledb_dsn: str) -> AsyncIterator[str]:
    """A new database on TimescaleDB's Apache-2 edition."""
    async for dsn in _own_database(timescaledb_dsn):
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE EXTENSION timescaledb")
        edition = await connection.fetchval("SHOW timescaledb.license")
        await connection.execute("DROP EXTENSION timescaledb")
        await connection.close()
        if edition != "apache":
            pytest.skip(f"this TimescaleDB is of the edition {edition}")
        yield dsn


@pytest.fixture
def community_dsn(community_server: Server) -> str:
    """A new database on TimescaleDB's community edition."""
    return community_server.dsn


@pytest.fixture(params=["plain", "apache", "community"])
def edition(request: pytest.FixtureRequest) -> str:
    """Each edition in turn."""
    return str(request.param)


@pytest.fixture
def any_dsn(edition: str, request: pytest.FixtureRequest) -> str:
    """A new database on the edition."""
    return str(request.getfixturevalue(f"{edition}_dsn"))
