"""The roles that compose's database begins with: enough for Dipper and for Grafana, and no more."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from services.tools.migrate import migrate

SCRIPT = (Path(__file__).parents[3] / "deploy/compose/initdb/010_roles.sql").read_text()


class Database(NamedTuple):
    """A database that 010_roles.sql has prepared; addresses as Dipper and as Grafana."""

    dipper: str
    grafana: str


def as_sql(script: str, rename: dict[str, str], there: set[str]) -> str:
    """What psql would send: with passwords for its variables, other names for the logins, which
    all databases of a server share, and without making groups that another test has made."""
    lines = [line for line in script.splitlines() if not line.startswith("\\set ")]
    text = re.sub(r":'(\w+)'", r"'\1'", "\n".join(lines))
    for role in there:
        text = text.replace(f"CREATE ROLE {role} NOLOGIN;", "")
    for name, new in rename.items():
        text = re.sub(rf"(ROLE|TO|DATABASE) {name}\b", rf"\1 {new}", text)
    return text


@pytest.fixture
async def database(timescaledb_dsn: str) -> AsyncIterator[Database]:
    """As the image's first start leaves it: with the extension, made by the superuser."""
    name, reader = (f"{part}_{uuid.uuid4().hex[:8]}" for part in ("dipper", "grafana"))
    parts = urlsplit(timescaledb_dsn)
    server = await asyncpg.connect(timescaledb_dsn)
    await server.execute(f"CREATE DATABASE {name}")
    host = parts.netloc.rpartition("@")[2]
    own = urlunsplit(parts._replace(path=f"/{name}"))
    superuser = await asyncpg.connect(own)
    await superuser.execute("CREATE EXTENSION timescaledb")
    there = {row[0] for row in await superuser.fetch("SELECT rolname FROM pg_roles")}
    await superuser.execute(as_sql(SCRIPT, {"dipper": name, "grafana": reader}, there))
    await superuser.close()
    yield Database(
        *(
            urlunsplit(parts._replace(netloc=f"{user}:{password}@{host}", path=f"/{name}"))
            for user, password in ((name, "dipper_password"), (reader, "grafana_password"))
        )
    )
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.execute(f"DROP ROLE {name}")
    await server.execute(f"DROP ROLE {reader}")
    await server.close()


async def test_no_right_is_missing(database: Database) -> None:
    """`dipper migrate` would say which role lacks, and what an administrator has to do."""
    connection = await asyncpg.connect(database.dipper)
    try:
        await migrate(database.dipper)
        assert await connection.fetch("SELECT grant_readers()") == []
    finally:
        await connection.close()


async def test_dipper_makes_its_tables_without_being_a_superuser(database: Database) -> None:
    await migrate(database.dipper)
    connection = await asyncpg.connect(database.dipper)
    try:
        assert (
            await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            is False
        )
        assert await connection.fetchval(
            "SELECT count(*) FROM timescaledb_information.hypertables"
            " WHERE hypertable_name = 'positions'"
        )
    finally:
        await connection.close()


async def test_grafana_reads_what_dipper_makes_and_changes_nothing(database: Database) -> None:
    await migrate(database.dipper)
    connection = await asyncpg.connect(database.grafana)
    try:
        assert await connection.fetch("SELECT * FROM positions") == []
        assert await connection.fetch("SELECT * FROM fixes") == []
        await connection.execute("SET default_transaction_read_only = off")
        for statement in (
            "DELETE FROM positions",
            "CREATE TABLE mine (x int)",
            "DROP TABLE positions",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()
