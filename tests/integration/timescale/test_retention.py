"""What the settings want deleted goes, on every edition, and nothing else does."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from services.assembly.expiring import expiring
from services.runtime.database import connect
from services.runtime.settings import Settings
from services.tools import expire as module
from services.tools.expire import LOCK_KEY, expire, run
from services.tools.migrate import migrate
from services.tools.policies import apply_policies
from tests.integration.timescale.fleet import query

SETTINGS = Settings(
    retention_positions_days=10,
    retention_latest_position_days=20,
    retention_zone_events_days=30,
    retention_messages_days=40,
    retention_rejects_days=50,
)
AGES = {"positions": 10, "latest_position": 20, "zone_events": 30, "messages": 40, "rejects": 50}
OLD, NEW = 700, 300
"""Rows of each table; latest_position has one for a terminal."""
FILL = {
    "positions": "INSERT INTO positions (time, terminal_id, fix, late) "
    "SELECT now() - $1::interval - n * INTERVAL '1 minute', n, 0, false "
    "FROM generate_series(1, $2::int) AS n",
    "latest_position": "INSERT INTO latest_position (time, terminal_id, fix, late) "
    "SELECT now() - $1::interval - n * INTERVAL '1 minute', "
    "n + (SELECT count(*) FROM latest_position), 0, false FROM generate_series(1, $2::int) AS n",
    "zone_events": "INSERT INTO zone_events (id, time, lat, lon, terminal_id, zone, zone_version, "
    "kind) SELECT gen_random_uuid(), now() - $1::interval, 1, 1, n, 'z', '1', 'enter' "
    "FROM generate_series(1, $2::int) AS n",
    "messages": "INSERT INTO messages (id, received_at, terminal_id, talker, sentence, fields, "
    "line) SELECT gen_random_uuid(), now() - $1::interval, n, 'BD', 'TXT', '{}', '' "
    "FROM generate_series(1, $2::int) AS n",
    "rejects": "INSERT INTO rejects (topic, partition, log_offset, received_at, reason, raw) "
    "SELECT 't', 0, n + (SELECT count(*) FROM rejects), now() - $1::interval, 'x', '' "
    "FROM generate_series(1, $2::int) AS n",
}


async def fill(dsn: str) -> None:
    """Rows on both sides of each table's age, two days from it: a chunk goes as a whole."""
    for table, days in AGES.items():
        await query(dsn, FILL[table], timedelta(days=days + 2), OLD)
        await query(dsn, FILL[table], timedelta(days=days - 2), NEW)


async def left(dsn: str) -> dict[str, int]:
    return {table: (await query(dsn, f"SELECT count(*) FROM {table}"))[0][0] for table in AGES}


@pytest.mark.parametrize("edition", ["plain", "apache"], indirect=True)
async def test_what_is_too_old_goes_in_small_pieces(
    any_dsn: str, edition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGES", 1)
    await migrate(any_dsn)
    await fill(any_dsn)
    deleted = await expire(any_dsn, SETTINGS)
    assert await left(any_dsn) == dict.fromkeys(AGES, NEW)
    assert deleted is not None
    in_chunks = {"positions"} if edition == "apache" else set()
    assert {deleted[table] for table in AGES if table not in in_chunks} == {OLD}
    again = await expire(any_dsn, SETTINGS)
    assert again == dict.fromkeys(AGES, 0)


@pytest.mark.parametrize("edition", ["plain"], indirect=True)
async def test_no_transaction_deletes_more_than_a_stretch_of_the_table(
    any_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGES", 2)
    await migrate(any_dsn)
    await fill(any_dsn)
    before = int((await query(any_dsn, "SELECT txid_current()"))[0][0])
    pages = (await query(any_dsn, "SELECT pg_relation_size('zone_events') / 8192"))[0][0]
    await expire(any_dsn, Settings(retention_zone_events_days=30))
    transactions = int((await query(any_dsn, "SELECT txid_current()"))[0][0]) - before
    assert pages > 4
    assert transactions > pages // 2 * OLD // (OLD + NEW)


@pytest.mark.parametrize("edition", ["plain"], indirect=True)
async def test_two_runs_do_not_work_at_the_same_time(any_dsn: str) -> None:
    await migrate(any_dsn)
    async with connect(any_dsn) as other:
        await other.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
        assert await expire(any_dsn, SETTINGS) is None
    assert await expire(any_dsn, SETTINGS) is not None


@pytest.mark.parametrize("edition", ["plain"], indirect=True)
def test_the_command_says_what_it_deleted(
    any_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(migrate(any_dsn))
    asyncio.run(fill(any_dsn))
    monkeypatch.setenv("DIPPER_DSN", any_dsn)
    assert run(Path("unused")) == 0
    assert "keep everything" in capsys.readouterr().err
    monkeypatch.setenv("DIPPER_RETENTION_MESSAGES_DAYS", "40")
    assert run(Path("unused")) == 0
    assert capsys.readouterr().err == f"messages: {OLD} deleted\n"
    monkeypatch.setenv("DIPPER_DSN", "postgresql://postgres@127.0.0.1:1/dipper")
    assert run(Path("unused")) == 1


@pytest.mark.parametrize("edition", ["plain", "apache"], indirect=True)
async def test_the_store_keeps_retention_where_the_server_does_not(any_dsn: str) -> None:
    await migrate(any_dsn)
    await fill(any_dsn)
    async with expiring(any_dsn, SETTINGS):
        while (await left(any_dsn)) != dict.fromkeys(AGES, NEW):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


JOBS = "SELECT count(*) FROM timescaledb_information.jobs WHERE proc_name = ANY($1)"
POLICIES = ["policy_retention", "expire_rows_job"]


async def test_the_community_edition_keeps_it_by_itself_until_the_settings_say_otherwise(
    community_dsn: str,
) -> None:
    await migrate(community_dsn)
    await fill(community_dsn)
    hours = "SELECT count(*) FROM terminal_hour_aggregate WHERE hour < now() - INTERVAL '9 days'"
    async with connect(community_dsn) as connection:
        await connection.execute(
            "CALL refresh_continuous_aggregate('terminal_hour_aggregate', NULL, NULL)"
        )
        assert await connection.fetchval(hours) > 0
        settings = SETTINGS.model_copy(update={"retention_hours_days": 1})
        assert await apply_policies(connection, settings) == []
        await _run_jobs(connection)
        assert await connection.fetchval(hours) == 0
        assert await connection.fetchval(JOBS, POLICIES) == len(AGES) + 1
        await apply_policies(connection, Settings())
        assert await connection.fetchval(JOBS, POLICIES) == 0
    assert await left(community_dsn) == dict.fromkeys(AGES, NEW)


async def _run_jobs(connection: asyncpg.Connection) -> None:
    """What TimescaleDB's scheduler would do next."""
    jobs = await connection.fetch(
        "SELECT job_id FROM timescaledb_information.jobs "
        "WHERE proc_name IN ('policy_retention', 'expire_rows_job')"
    )
    for job in jobs:
        await connection.execute(f"CALL run_job({job['job_id']})")
