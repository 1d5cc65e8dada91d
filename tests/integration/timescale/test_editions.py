"""The same service on servers that have less, which say so once."""

from __future__ import annotations

import logging
from pathlib import Path

import asyncpg
import pytest

from services.runtime.embedded_postgres import EmbeddedPostgres
from services.store.writer import open_store
from services.tools.migrate import load_migrations, migrate
from tests.engines.timescaledb import Server
from tests.integration.timescale.fleet import check, query, store
from tests.integration.timescale.tracks import reckon, simulate

SKIPPED = {
    "plain": ("0002_timescaledb", "0005_community"),
    "apache": ("0005_community",),
    "community": (),
}
TOLD = {"plain": "without TimescaleDB", "apache": "Apache-2 edition", "community": None}


async def test_each_edition_gets_what_it_can_have_and_its_lack_is_told_once(
    any_dsn: str, edition: str, caplog: pytest.LogCaptureFixture
) -> None:
    done = await migrate(any_dsn)
    assert done.skipped == SKIPPED[edition]
    with caplog.at_level(logging.INFO, "services.store"):
        await store(any_dsn, simulate(1, terminals=1, fixes=20), size=5)
    told = [record.getMessage() for record in caplog.records]
    expected = TOLD[edition]
    assert len(told) == (expected is not None)
    assert all(str(expected) in line for line in told)


@pytest.mark.parametrize("edition", ["plain", "apache"], indirect=True)
async def test_an_owner_of_the_database_who_is_nothing_else_may_migrate_it(
    any_dsn: str, edition: str
) -> None:
    admin = await asyncpg.connect(any_dsn)
    name = await admin.fetchval("SELECT current_database()")
    owner = f"owner_of_{name}"
    await admin.execute(f"CREATE ROLE {owner}")
    await admin.execute(f"ALTER DATABASE {name} OWNER TO {owner}")
    try:
        done = await migrate(f"{any_dsn}{'&' if '?' in any_dsn else '?'}role={owner}")
        assert done.skipped == SKIPPED[edition]
        found = await admin.fetch(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        )
        assert [row[0] for row in found] == [owner]
    finally:
        await admin.execute(f"REASSIGN OWNED BY {owner} TO CURRENT_USER")
        await admin.execute(f"DROP OWNED BY {owner}")
        await admin.execute(f"DROP ROLE {owner}")
        await admin.close()


async def test_the_store_asks_only_for_what_the_server_knows(any_dsn: str) -> None:
    await migrate(any_dsn)
    async with await open_store(any_dsn, 1) as writer:
        await writer.ping()


@pytest.mark.parametrize("applied", [1, 2])
async def test_a_database_of_the_first_versions_is_brought_up_with_its_rows(
    any_dsn: str, applied: int
) -> None:
    points = simulate(2, terminals=2, fixes=100)
    await migrate(any_dsn, load_migrations()[:applied])
    await store(any_dsn, points)
    done = await migrate(any_dsn)
    assert {"0003_hours", "0004_expire"} <= set(done.applied)
    await check(any_dsn, reckon(points))
    assert (await migrate(any_dsn)).applied == ()


@pytest.mark.parametrize("edition", ["plain", "apache"], indirect=True)
async def test_rows_are_deleted_by_whoever_calls_for_it(any_dsn: str) -> None:
    await migrate(any_dsn)
    await store(any_dsn, simulate(3, terminals=1, fixes=50))
    await query(
        any_dsn,
        "INSERT INTO messages (id, received_at, terminal_id, talker, sentence, fields, line) "
        "SELECT gen_random_uuid(), now() - age, 1, 'BD', 'TXT', '{}', '' "
        "FROM (VALUES (INTERVAL '1 day'), ('3 days')) AS ages (age)",
    )
    await query(
        any_dsn,
        "INSERT INTO zone_events (id, time, lat, lon, terminal_id, zone, zone_version, kind) "
        "SELECT gen_random_uuid(), now() - age, 1, 1, 1, 'z', '1', 'enter' "
        "FROM (VALUES (INTERVAL '1 day'), ('3 days')) AS ages (age)",
    )
    for table in ("positions", "messages", "zone_events", "rejects"):
        await query(any_dsn, f"CALL expire_rows('{table}', INTERVAL '2 days')")
    left = await query(
        any_dsn,
        "SELECT (SELECT count(*) FROM positions), (SELECT count(*) FROM messages), "
        "(SELECT count(*) FROM zone_events)",
    )
    assert tuple(left[0]) == (0, 1, 1)


async def test_plain_postgresql_goes_on_after_a_restart(tmp_path: Path) -> None:
    points = simulate(4, terminals=2, fixes=100)
    half = len(points) // 2
    for part, start in ((points[:half], 0), (points[half:], half)):
        async with EmbeddedPostgres(tmp_path / "postgres") as dsn:
            done = await migrate(dsn)
            assert bool(done.applied) == (start == 0)
            assert await store(dsn, part, start) == [len(part), 0]
            await check(dsn, reckon(points[: start + len(part)]))


async def test_timescaledb_goes_on_after_a_restart(timescaledb_server: Server) -> None:
    points = simulate(5, terminals=2, fixes=100)
    half = len(points) // 2
    await migrate(timescaledb_server.dsn)
    await store(timescaledb_server.dsn, points[:half])
    timescaledb_server.stop()
    timescaledb_server.start()
    assert (await migrate(timescaledb_server.dsn)).applied == ()
    await store(timescaledb_server.dsn, points[half:], half)
    await check(timescaledb_server.dsn, reckon(points))
