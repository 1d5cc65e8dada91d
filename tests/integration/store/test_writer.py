"""Batches become rows once and only once, whoever stores them and however often."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from services.codec import encode_dead_letter
from services.log.base import ENRICHED, FIX, MESSAGE, REJECT, TALLY, ZONE_EVENT
from services.model import Source
from services.runtime.database import DatabaseError, DatabaseUnavailableError
from services.store.tables import WRITTEN, Table
from services.store.writer import Fenced, StoreWriter, open_store
from tests.integration.store.records import (
    START_US,
    batch,
    enriched,
    event,
    fix,
    fix_batch,
    message,
    reject,
    tally,
)
from tests.integration.store.stored import counters, seconds


async def test_a_fix_keeps_all_that_operators_need(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    value = enriched(fix(1, satellites_in_view_by={"glonass": 8}), 0, ("harbour", "reef"))
    done = await writer.store(batch(ENRICHED, [value]))
    row = dict((await database.fetch("SELECT * FROM fixes"))[0])
    assert (done.stored, done.duplicate, done.dead_lettered) == (1, 0, {})
    assert row == {
        "terminal": "TRUCK-1",
        "time": datetime.fromtimestamp(START_US / 1e6 + 1, UTC),
        "lat": 28.001,
        "lon": 120.5,
        "altitude_m": 12.5,
        "speed_kmh": 36.0,
        "course_deg": 90.0,
        "heading_deg": None,
        "fix": "gnss",
        "satellites_used": 12,
        "gps_used": 5,
        "glonass_used": None,
        "galileo_used": None,
        "beidou_used": 7,
        "gps_in_view": None,
        "glonass_in_view": 8,
        "galileo_in_view": None,
        "beidou_in_view": None,
        "hdop": 0.75,
        "late": False,
        "zones": ["harbour", "reef"],
    }


async def test_a_fix_without_position_is_stored_and_is_no_latest_position(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    lost = fix(2, lat=None, lon=None, fix="none")
    await writer.store(fix_batch([fix(1), lost]))
    assert await seconds(database) == [1, 2]
    assert await database.fetchval("SELECT lat FROM latest_fixes") == 28.001
    assert await database.fetchval("SELECT fix FROM fixes ORDER BY time DESC LIMIT 1") == "none"


async def test_the_latest_position_follows_the_time_of_fixes_and_not_their_order(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    await writer.store(fix_batch([fix(5), fix(9), fix(7)]))
    await writer.store(fix_batch([fix(3), fix(8)], start=3))
    assert await database.fetchval("SELECT lat FROM latest_position") == 28.009


async def test_a_fix_sent_twice_is_stored_once_and_counted_as_duplicate(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    first = await writer.store(fix_batch([fix(1), fix(2)]))
    again = await writer.store(fix_batch([fix(2), fix(3), fix(3)], start=2))
    careful = await writer.store(fix_batch([fix(3), fix(4)], start=5))
    assert [(each.stored, each.duplicate) for each in (first, again, careful)] == [
        (2, 0),
        (1, 2),
        (1, 1),
    ]
    assert await seconds(database) == [1, 2, 3, 4]
    assert await counters(database, ENRICHED) == {
        "stored": 4,
        "duplicate": 3,
        "run-1 lines": 14,
    }


async def test_fixes_that_enrich_publishes_again_count_only_once(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    published = [enriched(fix(index), index) for index in range(4)]
    await writer.store(batch(ENRICHED, published))
    again = [*published[2:], enriched(fix(4), 4)]
    done = await writer.store(batch(ENRICHED, again, start=4))
    assert (done.stored, done.duplicate, done.redelivered) == (1, 0, 2)
    assert (await counters(database, ENRICHED))["run-1 lines"] == 10
    assert await writer.offsets(FIX) == {0: 5}
    assert await writer.offsets(ENRICHED) == {0: 7}


async def test_a_batch_whose_commit_was_not_confirmed_is_not_stored_again(
    writer: StoreWriter, dsn: str, database: asyncpg.Connection
) -> None:
    lost = fix_batch([fix(1), fix(2)])
    async with await open_store(dsn, 1) as other:
        await writer.offsets(ENRICHED)
        assert await writer.store(batch(ENRICHED, [])) is not None
        await other.store(lost)
    with pytest.raises(Fenced) as fenced:
        await writer.store(lost)
    assert fenced.value.offset == 2
    assert await counters(database, ENRICHED) == {"stored": 2, "run-1 lines": 4}
    after = await writer.store(fix_batch([fix(3)], start=2))
    assert after.stored == 1


async def test_of_two_writers_on_the_same_batch_one_is_fenced(
    writer: StoreWriter, dsn: str, database: asyncpg.Connection
) -> None:
    same = fix_batch([fix(second) for second in range(200)])
    async with await open_store(dsn, 1) as zombie:
        await writer.store(batch(ENRICHED, []))
        await zombie.store(batch(ENRICHED, []))
        results = await asyncio.gather(
            writer.store(same), zombie.store(same), return_exceptions=True
        )
    fenced = [result for result in results if isinstance(result, Fenced)]
    assert len(fenced) == 1
    assert fenced[0].offset == 200
    assert (await counters(database, ENRICHED))["stored"] == 200
    assert len(await seconds(database)) == 200


async def test_a_batch_that_begins_before_what_is_stored_sends_the_reader_on(
    writer: StoreWriter,
) -> None:
    await writer.store(fix_batch([fix(1), fix(2), fix(3)]))
    with pytest.raises(Fenced) as fenced:
        await writer.store(fix_batch([fix(2), fix(3), fix(4)], start=1))
    assert fenced.value.offset == 3


async def test_offsets_may_skip_what_a_compacted_log_has_dropped(writer: StoreWriter) -> None:
    await writer.store(batch(TALLY, [tally(1)], start=5)._replace(next_offset=9))
    await writer.store(batch(TALLY, [], start=9)._replace(next_offset=12))
    assert await writer.offsets(TALLY) == {0: 12}


@pytest.mark.parametrize(
    "changes",
    [
        {"lat": 91.0},
        {"lon": "east"},
        {"satellites_used": 70_000},
        {"altitude_m": 1e300},
        {"time_us": 2**64 - 1},
    ],
    ids=str,
)
async def test_a_value_the_database_refuses_costs_only_its_own_row(
    writer: StoreWriter, database: asyncpg.Connection, changes: dict[str, object]
) -> None:
    fixes = [fix(second) for second in range(50)]
    fixes[17] = fix(17, **changes)
    done = await writer.store(fix_batch(fixes))
    assert (done.stored, done.dead_lettered) == (49, {"dead_lettered/refused_by_database": 1})
    assert 17 not in await seconds(database)
    letter = (await database.fetch("SELECT * FROM rejects"))[0]
    assert (letter["topic"], letter["log_offset"]) == (ENRICHED, 17)
    assert letter["reason"] == "refused_by_database"
    assert letter["detail"]
    assert letter["raw"] == enriched(fixes[17], 17)[:1024]
    assert await counters(database, ENRICHED) == {
        "stored": 49,
        "dead_lettered/refused_by_database": 1,
        "run-1 lines": 100,
    }


async def test_a_zone_name_with_a_nul_costs_only_its_own_row(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    values = [enriched(fix(0), 0), enriched(fix(1), 1, ("a\0b",)), enriched(fix(2), 2)]
    await writer.store(batch(ENRICHED, values))
    assert await seconds(database) == [0, 2]


async def test_records_that_are_no_fixes_are_dead_lettered_one_by_one(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    letter = encode_dead_letter(b"\xff poison", "undecodable", Source(0, 1))
    values = [enriched(fix(0), 0), letter, b"{", None, b'{"source":[0,2]}', enriched(fix(3), 3)]
    done = await writer.store(batch(ENRICHED, values))
    assert (done.stored, done.dead_lettered) == (2, {"dead_lettered/undecodable": 2, "foreign": 2})
    assert await writer.offsets(FIX) == {0: 4}
    raw = dict(await database.fetch("SELECT log_offset, raw FROM rejects"))
    assert raw == {1: b"\xff poison", 2: b"{", 3: b"", 4: b'{"source":[0,2]}'}


async def test_several_bad_rows_are_all_found(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    bad = {0, 31, 32, 99}
    fixes = [fix(second, lat=99.0 if second in bad else 28.0) for second in range(100)]
    done = await writer.store(fix_batch(fixes))
    assert (done.stored, done.dead_lettered) == (96, {"dead_lettered/refused_by_database": 4})
    assert set(range(100)) - set(await seconds(database)) == bad


async def test_new_terminals_of_many_partitions_get_one_id_each(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    names = [f"TRUCK-{number}" for number in range(300)]
    batches = [
        fix_batch(
            [fix(partition, name) for name in (names if partition % 2 else reversed(names))],
            partition=partition,
        )
        for partition in range(4)
    ]
    await asyncio.gather(*map(writer.store, batches))
    assert await database.fetchval("SELECT count(*) FROM terminals") == 300
    per_terminal = await database.fetch("SELECT terminal, count(*) AS n FROM fixes GROUP BY 1")
    assert {row["terminal"]: row["n"] for row in per_terminal} == dict.fromkeys(names, 4)


async def test_a_terminal_of_a_batch_that_failed_keeps_its_id(
    writer: StoreWriter, dsn: str, database: asyncpg.Connection
) -> None:
    async with await open_store(dsn, 1) as other:
        await writer.store(batch(ENRICHED, []))
        await other.store(fix_batch([fix(1, "SHIP-1")]))
    with pytest.raises(Fenced):
        await writer.store(fix_batch([fix(1, "SHIP-2")]))
    await writer.store(fix_batch([fix(2, "SHIP-2")], start=1))
    rows = await database.fetch("SELECT terminal FROM fixes ORDER BY time")
    assert [row["terminal"] for row in rows] == ["SHIP-1", "SHIP-2"]


async def test_zone_events_are_stored_once_by_their_id(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    done = await writer.store(batch(ZONE_EVENT, [event(1), event(1), event(2, "exit"), b"[]"]))
    assert (done.stored, done.duplicate) == (2, 1)
    rows = await database.fetch("SELECT terminal, kind, zone FROM zone_crossings ORDER BY time")
    assert [tuple(row) for row in rows] == [
        ("TRUCK-1", "enter", "harbour"),
        ("TRUCK-1", "exit", "harbour"),
    ]
    assert await counters(database, ZONE_EVENT) == {
        "stored": 2,
        "duplicate": 1,
        "dead_lettered/undecodable": 1,
    }


async def test_messages_are_stored_once_by_their_id_and_a_bad_one_costs_only_itself(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    undated = message(b"$BDTXT,2*00", time_us=None)
    bad = message(b"$BDTXT,3*00", fields={"text": "\0"})
    done = await writer.store(batch(MESSAGE, [message(), message(), undated, bad]))
    assert (done.stored, done.duplicate) == (2, 1)
    assert done.dead_lettered == {"dead_lettered/refused_by_database": 1}
    rows = await database.fetch("SELECT line, fields->>'text' AS text FROM messages ORDER BY line")
    assert [tuple(row) for row in rows] == [
        (b"$BDTXT,1*00", "hello"),
        (b"$BDTXT,2*00", "hello"),
    ]
    assert (await counters(database, MESSAGE))["run-1 lines"] == 4


async def test_rejects_keep_their_reason_and_their_bytes(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    values = [reject(b"\x00\xff" * 600), reject(b"$X", "malformed", "SHIP-1"), b"?"]
    await writer.store(batch(REJECT, values))
    rows = await database.fetch("SELECT terminal, reason, raw FROM rejects ORDER BY log_offset")
    assert [tuple(row) for row in rows] == [
        (None, "not_nmea", (b"\x00\xff" * 600)[:1024]),
        ("SHIP-1", "malformed", b"$X"),
        (None, "undecodable", b"?"),
    ]
    assert await counters(database, REJECT) == {
        "stored": 2,
        "dead_lettered/undecodable": 1,
        "run-1 rejected/not_nmea": 1,
        "run-1 rejected/malformed": 1,
    }


async def test_a_tally_only_ever_moves_forward(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    await writer.store(batch(TALLY, [tally(3, lines_read=30), tally(2, lines_read=20)]))
    await writer.store(batch(TALLY, [tally(1, lines_read=10)], start=2))
    assert await database.fetchval("SELECT lines_read FROM tallies") == 30
    await writer.store(batch(TALLY, [tally(4, lines_read=40), b"no"], start=3))
    assert await database.fetchval("SELECT lines_read FROM tallies") == 40


async def test_rows_do_not_depend_on_how_the_log_was_cut_into_batches(
    dsn: str, database: asyncpg.Connection
) -> None:
    fixes = [fix(second % 40, f"SHIP-{second % 3}") for second in range(120)]
    results = []
    for size in (120, 7, 1):
        await database.execute("TRUNCATE positions, latest_position, log_offsets")
        async with await open_store(dsn, 1) as writer:
            for start in range(0, 120, size):
                await writer.store(fix_batch(fixes[start : start + size], start))
        results.append(
            [
                await database.fetch(f"SELECT * FROM {view} ORDER BY terminal, time")
                for view in ("fixes", "latest_fixes")
            ]
        )
    assert results[0] == results[1] == results[2]


async def test_a_lost_connection_fails_the_batch_and_the_same_batch_works_later(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    await writer.store(fix_batch([fix(1)]))
    async with database.transaction():
        await database.execute("LOCK TABLE log_offsets")
        storing = asyncio.create_task(writer.store(fix_batch([fix(2)], start=1)))
        while not await database.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE NOT granted"
        ):
            assert not storing.done()
        with pytest.raises(DatabaseUnavailableError):
            await storing
    done = await writer.store(fix_batch([fix(2)], start=1))
    assert (done.stored, done.duplicate) == (1, 0)


async def test_a_full_lock_wait_is_an_outage_and_not_a_bad_row(
    dsn: str, database: asyncpg.Connection
) -> None:
    async with await open_store(dsn, 1, timeout_s=0.3) as hasty:
        await hasty.store(batch(ENRICHED, []))
        async with database.transaction():
            await database.execute("LOCK TABLE log_offsets")
            with pytest.raises(DatabaseUnavailableError):
                await hasty.store(fix_batch([fix(1)]))
        assert (await hasty.store(fix_batch([fix(1)]))).stored == 1


async def test_without_tables_the_error_says_what_to_do(empty_dsn: str) -> None:
    with pytest.raises(DatabaseError, match="dipper migrate"):
        await open_store(empty_dsn, 1)


async def test_without_a_database_the_error_says_so(empty_dsn: str) -> None:
    with pytest.raises(DatabaseError, match="createdb"):
        await open_store(empty_dsn.replace("/test_", "/absent_"), 1)


async def test_a_server_that_is_away_is_an_outage() -> None:
    with pytest.raises(DatabaseUnavailableError):
        await open_store("postgresql://postgres@127.0.0.1:1/dipper", 1)


@pytest.mark.parametrize("together", [True, False])
async def test_an_epoch_that_came_in_part_is_completed_and_never_impoverished(
    writer: StoreWriter, database: asyncpg.Connection, together: bool
) -> None:
    """A connection broke within it, and the terminal sent all of it again."""
    part = fix(1, altitude_m=None, hdop=None, satellites_used=None, satellites_used_by=None)
    fixes = [part, fix(1), part]
    if together:
        done = [await writer.store(fix_batch(fixes))]
    else:
        done = [await writer.store(fix_batch([one], at)) for at, one in enumerate(fixes)]
    assert [sum(one.stored for one in done), sum(one.duplicate for one in done)] == [1, 2]
    for table in ("positions", "latest_position"):
        rows = await database.fetch(f"SELECT altitude_m, hdop, satellites_used FROM {table}")
        assert [tuple(row) for row in rows] == [(12.5, 0.75, 12)]


@pytest.mark.parametrize("table", WRITTEN, ids=lambda table: table.name)
async def test_rows_have_the_columns_of_their_table_in_its_order(
    database: asyncpg.Connection, table: Table
) -> None:
    columns = await database.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 "
        "ORDER BY attnum",
        table.name,
    )
    assert table.columns == tuple(column["attname"] for column in columns)
