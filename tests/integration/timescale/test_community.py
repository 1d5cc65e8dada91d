"""Continuous aggregates, columnstore and policies on TimescaleDB's community edition."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from services.runtime.database import connect
from services.runtime.settings import Settings
from services.tools.migrate import load_migrations, migrate
from services.tools.policies import apply_policies
from tests.engines.pglite import Server
from tests.integration.timescale.fleet import FIGURES, check, long_ago, query, store
from tests.integration.timescale.tracks import Point, deliver, hour_of, reckon, simulate

REFRESH = "CALL refresh_continuous_aggregate('terminal_hour_aggregate', NULL, NULL)"
COMPRESS = "SELECT compress_chunk(chunk) FROM show_chunks('positions') AS chunk"
COMPRESSED = """
SELECT count(*) FROM timescaledb_information.chunks
WHERE hypertable_name = 'positions' AND is_compressed
"""
JOBS = """
SELECT proc_name, config FROM timescaledb_information.jobs
WHERE job_id >= 1000 ORDER BY proc_name, config
"""
ALL = "SELECT * FROM fixes ORDER BY terminal, time"


async def value(dsn: str, statement: str) -> object:
    return (await query(dsn, statement))[0][0]


async def apply(dsn: str, **settings: int) -> list[str]:
    async with connect(dsn) as connection:
        return await apply_policies(connection, Settings(**settings))  # type: ignore[arg-type]


async def run_jobs(dsn: str, name: str) -> None:
    """What TimescaleDB's scheduler would do next."""
    for row in await query(
        dsn, "SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = $1", name
    ):
        await query(dsn, f"CALL run_job({row['job_id']})")


async def figures(dsn: str) -> Sequence[tuple[object, ...]]:
    return [tuple(row) for row in await query(dsn, f"{FIGURES} ORDER BY terminal, hour")]


async def test_figures_are_the_same_before_and_after_they_are_kept(community_dsn: str) -> None:
    points = simulate(5, terminals=2)
    await migrate(community_dsn)
    await store(community_dsn, points)
    computed = await figures(community_dsn)
    await query(community_dsn, REFRESH)
    assert await figures(community_dsn) == computed
    await query(
        community_dsn, "ALTER MATERIALIZED VIEW terminal_hour_aggregate "
        "SET (timescaledb.materialized_only = true)",
    )  # fmt: skip
    assert await figures(community_dsn) == computed
    await check(community_dsn, reckon(points))


async def test_hours_that_were_kept_are_computed_again_when_late_fixes_come(
    community_dsn: str,
) -> None:
    points = simulate(6, terminals=2)
    in_time = points[::3]
    await migrate(community_dsn)
    await apply(community_dsn)
    await store(community_dsn, in_time)
    await run_jobs(community_dsn, "policy_refresh_continuous_aggregate")
    await check(community_dsn, reckon(in_time))
    await store(community_dsn, deliver(points, 6), start=len(in_time))
    await run_jobs(community_dsn, "policy_refresh_continuous_aggregate")
    await check(community_dsn, reckon(points))


async def test_late_fixes_get_into_compressed_chunks_and_repeated_ones_do_not(
    community_dsn: str,
) -> None:
    points = simulate(7, terminals=3)
    in_time, late = points[::2], points[1::2]
    assert any(map(long_ago, late))
    await migrate(community_dsn)
    await store(community_dsn, in_time)
    await query(community_dsn, COMPRESS)
    chunks = await value(community_dsn, COMPRESSED)
    assert chunks == await value(community_dsn, "SELECT count(*) FROM show_chunks('positions')")
    # A batch of new fixes, one of repeated ones, one of both.
    half = len(late) // 2
    assert await store(community_dsn, late[:half], len(in_time)) == [half, 0]
    repeated = [*in_time[:100], *late[:100]]
    assert await store(community_dsn, repeated, len(in_time) + half) == [0, 200]
    rest = [*in_time[100:150], *late[half:]]
    place = len(in_time) + half + len(repeated)
    assert await store(community_dsn, rest, place) == [len(late) - half, 50]
    assert await value(community_dsn, COMPRESSED) == chunks
    await check(community_dsn, reckon(points))
    rows = await query(community_dsn, ALL)
    assert [(row["terminal"], row["time"]) for row in rows] == sorted(
        (point.terminal, point.time) for point in points
    )


async def test_compression_changes_no_row(community_dsn: str) -> None:
    await migrate(community_dsn)
    await store(community_dsn, simulate(8, terminals=2))
    before = await query(community_dsn, ALL)
    await query(community_dsn, COMPRESS)
    assert await value(community_dsn, COMPRESSED)
    assert await query(community_dsn, ALL) == before


async def test_the_store_may_look_into_as_many_columns_as_late_fixes_need(
    community_server: Server,
) -> None:
    """TimescaleDB's limit for a transaction would refuse the batch again and again."""
    dsn = community_server.dsn
    await migrate(dsn)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    await query(
        dsn,
        "INSERT INTO positions (time, lat, lon, terminal_id, fix, late) "
        "SELECT $1::timestamptz + n * INTERVAL '0.5 seconds', 1, 1, 1, 1, false "
        "FROM generate_series(0, 120000) AS n",
        start,
    )
    await query(dsn, "INSERT INTO terminals (id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'SHIP')")
    await query(dsn, COMPRESS)
    # One late fix for each thousand rows that are compressed together, and each of them known.
    late = [
        Point("SHIP", start + timedelta(seconds=seconds), 1.0, 1.0, None, ())
        for seconds in range(0, 60_000, 100)
    ]
    assert await store(dsn, late, size=len(late)) == [0, len(late)]


async def test_the_settings_become_policies(community_dsn: str) -> None:
    await migrate(community_dsn)
    assert await apply(community_dsn, retention_positions_days=90, retention_messages_days=30) == []
    jobs = [(row["proc_name"], row["config"]) for row in await query(community_dsn, JOBS)]
    assert [name for name, _ in jobs] == [
        "expire_rows_job",
        "policy_compression",
        "policy_refresh_continuous_aggregate",
        "policy_retention",
    ]
    assert '"messages"' in jobs[0][1]
    assert '"7 days"' in jobs[1][1]
    assert '"90 days"' in jobs[2][1]
    assert '"90 days"' in jobs[3][1]


async def test_settings_that_change_replace_the_policies_before(community_dsn: str) -> None:
    await migrate(community_dsn)
    await apply(community_dsn, retention_positions_days=90, retention_rejects_days=1)
    await apply(community_dsn, columnstore_after_days=0, chunk_hours=6)
    jobs = await query(community_dsn, JOBS)
    assert [row["proc_name"] for row in jobs] == ["policy_refresh_continuous_aggregate"]
    assert await value(
        community_dsn, "SELECT time_interval FROM timescaledb_information.dimensions "
        "WHERE hypertable_name = 'positions'",
    ) == timedelta(hours=6)  # fmt: skip


async def test_retention_deletes_what_is_old_and_the_hours_of_it_stay(community_dsn: str) -> None:
    points = simulate(9, terminals=2, fixes=150)
    await migrate(community_dsn)
    await store(community_dsn, points)
    await apply(community_dsn)
    await run_jobs(community_dsn, "policy_refresh_continuous_aggregate")
    before = await figures(community_dsn)
    # Younger than any day of the simulation is old, on any day that this runs.
    await apply(community_dsn, retention_positions_days=1, retention_rejects_days=1)
    await query(
        community_dsn,
        "INSERT INTO rejects (topic, partition, log_offset, received_at, reason, raw) VALUES "
        "('t', 0, 1, now() - INTERVAL '25 hours', 'x', ''), "
        "('t', 0, 2, now() - INTERVAL '23 hours', 'x', '')",
    )
    await run_jobs(community_dsn, "policy_retention")
    await run_jobs(community_dsn, "expire_rows_job")
    await run_jobs(community_dsn, "policy_refresh_continuous_aggregate")
    assert await value(community_dsn, "SELECT count(*) FROM positions") == 0
    assert await value(community_dsn, "SELECT array_agg(log_offset) FROM rejects") == [2]
    assert await figures(community_dsn) == before
    # Late, and too old to be kept: it must not take the place of its hour's figures.
    again = points[0]._replace(time=hour_of(points[0].time) + timedelta(minutes=59))
    await store(community_dsn, [again], start=len(points))
    await run_jobs(community_dsn, "policy_refresh_continuous_aggregate")
    assert await figures(community_dsn) == before


async def test_a_database_of_the_first_versions_is_brought_up_with_its_rows(
    community_dsn: str,
) -> None:
    points = simulate(10, terminals=2)
    await migrate(community_dsn, load_migrations()[:2])
    await store(community_dsn, points)
    done = await migrate(community_dsn)
    assert done.skipped == ()
    await check(community_dsn, reckon(points))
    await query(community_dsn, REFRESH)
    await check(community_dsn, reckon(points))


async def test_it_goes_on_after_a_restart(community_server: Server) -> None:
    points = simulate(11, terminals=2)
    half = len(points) // 2
    await migrate(community_server.dsn)
    await store(community_server.dsn, points[:half])
    await query(community_server.dsn, REFRESH)
    await query(community_server.dsn, COMPRESS)
    community_server.stop()
    community_server.start()
    done = await migrate(community_server.dsn)
    assert (done.applied, done.skipped) == ((), ())
    assert await store(community_server.dsn, points[half:], half) == [len(points) - half, 0]
    await query(community_server.dsn, REFRESH)
    await check(community_server.dsn, reckon(points))
