"""Migrations are applied once, in order, and never against another history."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from services.runtime.database import DatabaseError, DatabaseUnavailableError
from services.tools.migrate import Migration, load_migrations, migrate, parse_migration

ONE = parse_migration("0001_one.sql", "CREATE TABLE one (a integer)")
TWO = parse_migration("0002_two.sql", "CREATE TABLE two (a integer); CREATE TABLE three ()")
TIMESCALE = parse_migration("0002_x.sql", "-- requires: extension timescaledb\nSELECT broken")


async def tables(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return {row["tablename"] for row in rows} - {"schema_migrations"}


async def test_the_tables_of_the_design_are_there_after_the_first_run(empty_dsn: str) -> None:
    done = await migrate(empty_dsn)
    assert "0001_tables" in done.applied
    assert await tables(empty_dsn) >= {
        "terminals", "positions", "latest_position", "zone_events", "messages", "rejects",
        "log_offsets", "ledger",
    }  # fmt: skip


async def test_a_second_run_changes_nothing(empty_dsn: str) -> None:
    first = await migrate(empty_dsn)
    second = await migrate(empty_dsn)
    assert second.applied == ()
    assert second.skipped == first.skipped


async def test_runs_at_the_same_time_wait_for_each_other(empty_dsn: str) -> None:
    done = await asyncio.gather(*(migrate(empty_dsn, [ONE, TWO]) for _ in range(4)))
    assert sorted(each.applied for each in done) == [(), (), (), ("0001_one", "0002_two")]


async def test_only_what_is_missing_is_applied(empty_dsn: str) -> None:
    await migrate(empty_dsn, [ONE])
    assert (await migrate(empty_dsn, [ONE, TWO])).applied == ("0002_two",)
    assert await tables(empty_dsn) == {"one", "two", "three"}


async def test_a_schema_newer_than_the_code_is_an_error(empty_dsn: str) -> None:
    await migrate(empty_dsn, [ONE, TWO])
    with pytest.raises(DatabaseError, match=r"0002_two.*knows it up to 0001"):
        await migrate(empty_dsn, [ONE])


async def test_a_file_that_changed_after_it_was_applied_is_an_error(empty_dsn: str) -> None:
    await migrate(empty_dsn, [ONE])
    changed = parse_migration("0001_one.sql", "CREATE TABLE one (b integer)")
    with pytest.raises(DatabaseError, match=r"0001_one\.sql is not the file"):
        await migrate(empty_dsn, [changed])


async def test_a_migration_that_fails_changes_nothing_and_names_its_file(empty_dsn: str) -> None:
    broken = Migration(2, "two", "CREATE TABLE two (a integer); SELECT nonsense", ())
    with pytest.raises(DatabaseError, match="0002_two"):
        await migrate(empty_dsn, [ONE, broken])
    assert await tables(empty_dsn) == {"one"}
    assert (await migrate(empty_dsn, [ONE, TWO])).applied == ("0002_two",)


async def test_what_the_server_lacks_is_skipped_and_applied_once_it_has_it(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = await migrate(empty_dsn, [ONE, TIMESCALE])
    assert (done.applied, done.skipped) == (("0001_one",), ("0002_x",))
    later = TIMESCALE._replace(sql="-- requires: extension timescaledb\nCREATE TABLE hyper ()")
    monkeypatch.setattr(
        "services.tools.migrate.CONDITIONS", {"extension timescaledb": "SELECT true"}
    )
    assert (await migrate(empty_dsn, [ONE, later])).applied == ("0002_x",)
    assert await tables(empty_dsn) == {"one", "hyper"}


async def test_a_server_that_is_away_is_an_outage() -> None:
    with pytest.raises(DatabaseUnavailableError):
        await migrate("postgresql://postgres@127.0.0.1:1/dipper")


@pytest.mark.parametrize(
    ("name", "sql", "complaint"),
    [
        ("1_short.sql", "", "NNNN_name"),
        ("0001_a.sql", "-- requires: extension postgis", "postgis"),
    ],
)
def test_a_file_that_can_not_be_used_is_named(name: str, sql: str, complaint: str) -> None:
    with pytest.raises(DatabaseError, match=complaint):
        parse_migration(name, sql)


def test_the_versions_of_the_files_are_a_sequence_without_gaps() -> None:
    versions = [migration.version for migration in load_migrations()]
    assert versions == list(range(1, len(versions) + 1))


async def test_on_timescaledb_positions_become_a_hypertable_with_its_rows(
    timescaledb_dsn: str,
) -> None:
    admin = await asyncpg.connect(timescaledb_dsn)
    await admin.execute("DROP DATABASE IF EXISTS dipper_migrate_test WITH (FORCE)")
    await admin.execute("CREATE DATABASE dipper_migrate_test")
    scheme, _, rest = timescaledb_dsn.partition("://")
    authority, slash, database = rest.partition("/")
    _, mark, options = database.partition("?")
    dsn = f"{scheme}://{authority}{slash}dipper_migrate_test{mark}{options}"
    try:
        await migrate(dsn, load_migrations()[:1])
        connection = await asyncpg.connect(dsn)
        await connection.execute(
            "INSERT INTO positions (time, terminal_id, fix, late) VALUES (now(), 1, 0, false)"
        )
        done = await migrate(dsn)
        assert "0002_timescaledb" in done.applied
        hypertables = await connection.fetch(
            "SELECT hypertable_name FROM timescaledb_information.hypertables"
        )
        assert [row[0] for row in hypertables] == ["positions"]
        assert await connection.fetchval("SELECT count(*) FROM positions") == 1
        await connection.close()
    finally:
        await admin.execute("DROP DATABASE dipper_migrate_test WITH (FORCE)")
        await admin.close()
