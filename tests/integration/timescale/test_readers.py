"""What each reader role can read, column by column, on every edition; and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.runtime.database import connect
from services.runtime.settings import Settings
from services.tools.migrate import migrate
from services.tools.policies import apply_policies
from tests.integration.timescale.fleet import store
from tests.integration.timescale.tracks import simulate

ALL = frozenset({"*"})
NOTHING: frozenset[str] = frozenset()
CROSSING = frozenset({"time", "lat", "lon", "terminal_id", "zone", "zone_version", "kind"})
DEAD_LETTER = frozenset(
    {"topic", "partition", "log_offset", "received_at", "terminal", "reason", "run"}
)
MATRIX = {
    # table or view: operator, analyst, auditor
    "terminals": (ALL, NOTHING, ALL),
    "positions": (ALL, ALL, NOTHING),
    "latest_position": (ALL, ALL, NOTHING),
    "zone_events": (ALL, CROSSING, NOTHING),
    "messages": (ALL, NOTHING, NOTHING),
    "rejects": (ALL, NOTHING, DEAD_LETTER),
    "log_offsets": (ALL, NOTHING, ALL),
    "tallies": (ALL, NOTHING, ALL),
    "ledger": (ALL, NOTHING, ALL),
    "harmless_zones": (ALL, ALL, NOTHING),
    "schema_migrations": (ALL, NOTHING, ALL),
    "fixes": (ALL, NOTHING, NOTHING),
    "latest_fixes": (ALL, NOTHING, NOTHING),
    "zone_crossings": (ALL, NOTHING, NOTHING),
    "terminal_hour_parts": (ALL, ALL, NOTHING),
    "terminal_hours": (ALL, NOTHING, NOTHING),
    "terminal_zone_hours": (ALL, NOTHING, NOTHING),
    # Only on TimescaleDB's community edition: it stands behind terminal_hour_parts.
    "terminal_hour_aggregate": (ALL, ALL, NOTHING),
}
"""A relation that is missing here makes a test fail: decide who may read it."""
ROLES = ("dipper_operator", "dipper_analyst", "dipper_auditor")
COLUMNS = """
SELECT c.relname AS relation, a.attname AS column
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p')
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY 1, a.attnum
"""
WRITABLE = """
SELECT c.oid::regclass::text FROM pg_class c
WHERE c.relkind IN ('r', 'v', 'm', 'p') AND NOT c.relnamespace = 'pg_catalog'::regnamespace
  AND has_table_privilege($1, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
"""
POSITIONS_BEHIND = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'v', 'm') AND a.attname IN ('lat', 'first', 'points')
  AND (has_table_privilege($1, c.oid, 'SELECT') OR has_any_column_privilege($1, c.oid, 'SELECT'))
"""


async def readable(connection: asyncpg.Connection, role: str) -> dict[str, set[str]]:
    """By relation, the columns that the role reads; each is tried."""
    columns = await connection.fetch(COLUMNS)
    found: dict[str, set[str]] = {row["relation"]: set() for row in columns}
    await connection.execute(f"SET ROLE {role}")
    for row in columns:
        try:
            await connection.execute(f'SELECT "{row["column"]}" FROM {row["relation"]} LIMIT 1')
        except asyncpg.InsufficientPrivilegeError:
            continue
        found[row["relation"]].add(row["column"])
    await connection.execute("RESET ROLE")
    return found


async def test_each_role_reads_what_the_table_says_and_nothing_else(any_dsn: str) -> None:
    """One test for all: a server of the community edition takes long to start."""
    points = simulate(1, terminals=2, fixes=60)
    await migrate(any_dsn)
    await store(any_dsn, points)
    async with connect(any_dsn) as connection:
        # Twice in one session: a GRANT on a hypertable that a function keeps crashes the server.
        for _ in range(2):
            assert await apply_policies(connection, Settings()) == []
        await check_columns(connection)
        for role in ROLES:
            assert await connection.fetch(WRITABLE, role) == []
        # Chunks, compressed chunks and what the server keeps of hours.
        assert await connection.fetch(POSITIONS_BEHIND, "dipper_auditor") == []
        assert await connection.fetch(POSITIONS_BEHIND, "dipper_analyst") != []
        await check_stranger(connection)
        await check_analyst(connection, len(points))


async def check_columns(connection: asyncpg.Connection) -> None:
    there: dict[str, set[str]] = {}
    for row in await connection.fetch(COLUMNS):
        there.setdefault(row["relation"], set()).add(row["column"])
    assert set(there) | {"terminal_hour_aggregate"} == set(MATRIX)
    for place, role in enumerate(ROLES):
        expected = {
            relation: columns if MATRIX[relation][place] == ALL else set(MATRIX[relation][place])
            for relation, columns in there.items()
        }
        assert await readable(connection, role) == expected, role


async def check_stranger(connection: asyncpg.Connection) -> None:
    await connection.execute("DROP ROLE IF EXISTS dipper_test_stranger")
    await connection.execute("CREATE ROLE dipper_test_stranger")
    try:
        found = await readable(connection, "dipper_test_stranger")
    finally:
        await connection.execute("DROP ROLE dipper_test_stranger")
    assert {relation for relation, columns in found.items() if columns} == set()


async def check_analyst(connection: asyncpg.Connection, positions: int) -> None:
    """Tracks and hours, but no name by any join."""
    await connection.execute("SET ROLE dipper_analyst")
    assert await connection.fetchval("SELECT count(*) FROM positions") == positions
    hours = "SELECT sum(fixes) FROM hours_of(1, '-infinity', 'infinity')"
    assert await connection.fetchval(hours) > 0
    for forbidden in (
        "SELECT name FROM terminals",
        "SELECT name FROM positions JOIN terminals ON id = terminal_id",
        "SELECT id FROM zone_events",
        "SELECT * FROM zone_events",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch(forbidden)
    await connection.execute("RESET ROLE")


@pytest.fixture
async def plain_user_dsn(plain_dsn: str) -> AsyncIterator[str]:
    """The owner of an empty database on a server without the roles, who may make none."""
    async with connect(plain_dsn) as admin:
        for role in ROLES:
            await admin.execute(f"DROP ROLE IF EXISTS {role}")
        await admin.execute("DROP ROLE IF EXISTS dipper_test_migrator")
        await admin.execute("CREATE ROLE dipper_test_migrator LOGIN")
        await admin.execute("GRANT ALL ON SCHEMA public TO dipper_test_migrator")
        yield plain_dsn.replace("postgres@", "dipper_test_migrator@", 1)
        for role in (*ROLES, "dipper_test_migrator"):
            await admin.execute(f"DROP OWNED BY {role}")
            await admin.execute(f"DROP ROLE {role}")


async def test_who_may_make_no_roles_is_told_so_and_gets_all_the_rest(
    plain_dsn: str, plain_user_dsn: str
) -> None:
    assert "0007_readers" in (await migrate(plain_user_dsn)).applied
    async with connect(plain_user_dsn) as connection:
        told = await apply_policies(connection, Settings())
    assert len(told) == len(ROLES)
    assert "CREATE ROLE dipper_operator NOLOGIN" in told[0]
    async with connect(plain_dsn) as admin:
        for role in ROLES:
            await admin.execute(f"CREATE ROLE {role} NOLOGIN")
    async with connect(plain_user_dsn) as connection:
        assert await apply_policies(connection, Settings()) == []
    async with connect(plain_dsn) as admin:
        assert (await readable(admin, "dipper_analyst"))["positions"]
