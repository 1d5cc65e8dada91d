"""Batches that are given in the same moment go together, and each keeps its own fate."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from services.log.base import ENRICHED, MESSAGE, REJECT, TALLY, ZONE_EVENT
from services.store.writer import Fenced, StoreWriter, open_store
from tests.integration.store.records import (
    batch,
    event,
    fix,
    fix_batch,
    message,
    reject,
    tally,
)
from tests.integration.store.stored import counters, seconds


async def commits(database: asyncpg.Connection) -> int:
    """How many transactions have written a counter of the ledger."""
    return int(await database.fetchval("SELECT count(DISTINCT xmin::text) FROM ledger"))


async def test_small_batches_of_the_same_moment_go_in_one_transaction(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    batches = [
        *(fix_batch([fix(n, f"SHIP-{n}")], partition=n) for n in range(4)),
        batch(ZONE_EVENT, [event(1)]),
        batch(MESSAGE, [message()]),
        batch(REJECT, [reject(b"$X")]),
        batch(TALLY, [tally(1)]),
    ]
    done = await asyncio.gather(*map(writer.store, batches))
    assert [each.source for each in done] == [each.source for each in batches]
    assert [each.stored for each in done] == [1] * len(batches)
    assert await commits(database) == 1


async def test_large_batches_have_a_transaction_each(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    batches = [
        fix_batch([fix(second, f"SHIP-{n}") for second in range(600)], partition=n)
        for n in range(2)
    ]
    done = await asyncio.gather(*map(writer.store, batches))
    assert [each.stored for each in done] == [600, 600]
    assert await commits(database) == 2


async def test_of_batches_that_go_together_only_the_one_stored_elsewhere_is_fenced(
    writer: StoreWriter, dsn: str, database: asyncpg.Connection
) -> None:
    batches = [fix_batch([fix(n, f"SHIP-{n}")], partition=n) for n in range(3)]
    async with await open_store(dsn, 1) as other:
        await asyncio.gather(
            *(writer.store(each._replace(records=[], next_offset=0)) for each in batches)
        )
        await other.store(batches[1])
    first, fenced, last = await asyncio.gather(*map(writer.store, batches), return_exceptions=True)
    assert isinstance(fenced, Fenced)
    assert (fenced.partition, fenced.offset) == (batches[1].source, 1)
    assert [getattr(each, "stored", None) for each in (first, last)] == [1, 1]
    assert await seconds(database) == [0, 1, 2]
    assert await counters(database, ENRICHED) == {"stored": 1, "run-1 lines": 2}
    assert await database.fetchval("SELECT sum(count) FROM ledger WHERE name = 'stored'") == 3


async def test_of_batches_that_go_together_only_the_bad_rows_are_left_out(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    batches = [
        fix_batch([fix(0, "SHIP-0"), fix(1, "SHIP-0")]),
        fix_batch([fix(2, "SHIP-1"), fix(3, "SHIP-1", lat=99.0)], partition=1),
        fix_batch([fix(4, "SHIP-2"), fix(4, "SHIP-2")], partition=2),
        batch(MESSAGE, [message(), message(b"$BDTXT,3*00", fields={"text": "\0"})]),
    ]
    done = await asyncio.gather(*map(writer.store, batches))
    assert [(each.stored, each.duplicate, sum(each.dead_lettered.values())) for each in done] == [
        (2, 0, 0),
        (1, 0, 1),
        (1, 1, 0),
        (1, 0, 1),
    ]
    assert await seconds(database) == [0, 1, 2, 4]
    letters = await database.fetch(
        "SELECT topic, partition, log_offset FROM rejects ORDER BY topic"
    )
    assert [tuple(letter) for letter in letters] == [(ENRICHED, 1, 1), (MESSAGE, 0, 1)]


async def test_the_same_batch_given_twice_at_once_is_stored_once(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    twice = [fix_batch([fix(1)])] * 2
    results = await asyncio.gather(*map(writer.store, twice), return_exceptions=True)
    assert [type(result) for result in results].count(Fenced) == 1
    assert await counters(database, ENRICHED) == {"stored": 1, "run-1 lines": 2}


async def test_a_caller_that_gives_up_keeps_no_other_from_its_answer(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    hasty = asyncio.create_task(writer.store(fix_batch([fix(1)])))
    patient = asyncio.create_task(writer.store(fix_batch([fix(2, "SHIP-1")], partition=1)))
    await asyncio.sleep(0)
    hasty.cancel()
    assert (await patient).stored == 1
    assert hasty.cancelled()
    assert await seconds(database) == [1, 2]


async def test_a_batch_takes_one_statement_while_nothing_is_out_of_the_ordinary(
    writer: StoreWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    step_by_step = []
    original = StoreWriter._transact

    async def transact(self: StoreWriter, connection: Any, works: Any) -> Any:
        step_by_step.append([work.source.topic for work in works])
        return await original(self, connection, works)

    monkeypatch.setattr(StoreWriter, "_transact", transact)
    batches = [
        fix_batch([fix(1), fix(2)]),
        batch(ZONE_EVENT, [event(1)]),
        batch(MESSAGE, [message()]),
        batch(REJECT, [reject(b"$X")]),
        batch(TALLY, [tally(1), tally(2)]),
    ]
    await asyncio.gather(*map(writer.store, batches))
    again = await writer.store(batch(TALLY, [tally(2)], start=2))
    assert (again.stored, again.duplicate, step_by_step) == (0, 1, [])
    await writer.store(fix_batch([fix(2)], start=2))
    await writer.store(batch(MESSAGE, [b"?"], start=1))
    assert step_by_step == [[ENRICHED], [ENRICHED], [MESSAGE]]


async def test_an_offset_that_is_not_where_it_was_expected_keeps_all_out(
    writer: StoreWriter, dsn: str, database: asyncpg.Connection
) -> None:
    """Of several offsets in one statement one has moved: nothing of the statement stays."""
    async with await open_store(dsn, 1) as other:
        await writer.store(batch(MESSAGE, []))
        await other.store(batch(MESSAGE, [message()]))
    batches = [fix_batch([fix(1)]), batch(MESSAGE, [message()])]
    first, fenced = await asyncio.gather(*map(writer.store, batches), return_exceptions=True)
    assert isinstance(fenced, Fenced)
    assert getattr(first, "stored", None) == 1
    assert await counters(database, ENRICHED) == {"stored": 1, "run-1 lines": 2}
    assert await counters(database, MESSAGE) == {"stored": 1, "run-1 lines": 1}
