"""The ledger of a real database, as the command shows it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from rich.console import Console

from services.log.base import MESSAGE, REJECT, TALLY, ZONE_EVENT
from services.runtime.database import DatabaseError
from services.store.writer import StoreWriter
from services.tools import ledger, migrate
from services.tools.ledger import read_ledger
from services.tools.local_database import DATABASE_DIRECTORY, database_of
from tests.integration.store.records import (
    batch,
    event,
    fix,
    fix_batch,
    message,
    reject,
    tally,
)

COMPLETE: dict[str, Any] = {
    "lines_read": 16,
    "lines_pending": 1,
    "lines_used": 13,
    "lines_control": 2,
    "lines_rejected": {"not_nmea": 1, "malformed": 1},
    "fixes_published": 5,
    "messages_published": 1,
    "fix_offsets": {0: 3, 1: 2},
    "message_offsets": {0: 1},
    "reject_offsets": {0: 2},
}


async def store_all(writer: StoreWriter) -> None:
    """Two partitions with a duplicate and a dead letter, and the tally that tells of them."""
    await writer.store(fix_batch([fix(1), fix(2), fix(2)]))
    await writer.store(fix_batch([fix(1, "SHIP-1"), fix(2, "SHIP-1", lat=99.0)], partition=1))
    await writer.store(batch(ZONE_EVENT, [event(1), event(1)]))
    await writer.store(batch(MESSAGE, [message()]))
    await writer.store(batch(REJECT, [reject(), reject(reason="malformed")]))
    told = tally(**COMPLETE)
    await writer.store(batch(TALLY, [told]))


async def test_everything_that_was_published_is_accounted_for(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    await store_all(writer)
    assert (await read_ledger(database)).to_json() == {
        "lines": {
            "read": 15,
            "used": 13,
            "rejected": {"malformed": 1, "not_nmea": 1},
            "in_flight": 0,
            "untallied": 0,
        },
        "fixes": {
            "published": 5,
            "stored": 3,
            "duplicate": 1,
            "dead_lettered": {"refused_by_database": 1},
            "in_flight": 0,
        },
        "events": {"published": 2, "stored": 1, "duplicate": 1, "dead_lettered": {}},
        "messages": {
            "published": 1,
            "stored": 1,
            "duplicate": 0,
            "dead_lettered": {},
            "in_flight": 0,
        },
        "rejects": {
            "published": 2,
            "stored": 2,
            "duplicate": 0,
            "dead_lettered": {},
            "in_flight": 0,
        },
        "balanced": True,
        "problems": [],
    }


async def test_a_batch_that_was_lost_on_the_way_to_the_store_is_told(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    await store_all(writer)
    await writer.store(fix_batch([fix(9)], start=5))
    found = await read_ledger(database)
    assert not found.balanced
    (problem,) = found.problems
    assert "2 of the first 6 records of telematics.fix.v1/0 came to the store neither" in problem


@pytest.mark.parametrize("final", [False, True])
async def test_what_a_tally_tells_of_and_has_not_come_is_on_its_way(
    writer: StoreWriter, database: asyncpg.Connection, final: bool
) -> None:
    told = tally(
        lines_read=10,
        lines_used=8,
        lines_rejected={"not_nmea": 2},
        fixes_published=3,
        messages_published=2,
        fix_offsets={2: 3},
        message_offsets={0: 1, 3: 1},
        reject_offsets={1: 2},
        final=final,
    )
    await writer.store(batch(TALLY, [told]))
    await writer.store(batch(REJECT, [reject()], partition=1))
    found = await read_ledger(database)
    assert found.problems == ()
    flows = (found.fixes, found.messages, found.rejects)
    assert tuple(flow.in_flight for flow in flows) == (3, 2, 1)
    assert (found.lines.read, found.lines.in_flight) == (10, 9)


async def test_a_killed_run_may_have_more_than_it_told_of_and_a_final_one_may_not(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    await store_all(writer)
    await writer.store(fix_batch([fix(3)], start=3))
    killed = await read_ledger(database)
    assert (killed.problems, killed.lines.untallied) == ((), 2)
    done = {**COMPLETE, "lines_read": 15, "lines_pending": 0, "final": True}
    await writer.store(batch(TALLY, [tally(2, **done)], start=1))
    (problem,) = (await read_ledger(database)).problems
    assert "From run run-1 came 2 lines in fixes more than it tells of" in problem
    console = Console(file=StringIO(), width=100)
    ledger.show(await read_ledger(database), console)
    assert isinstance(console.file, StringIO)
    assert (
        "Not balanced. From run run-1 came 2 lines in fixes more than it tells of"
        in console.file.getvalue()
    )


async def test_a_ledger_in_motion_says_what_moves(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    await store_all(writer)
    await writer.store(batch(REJECT, [reject()] * 3, start=2))
    later = {**COMPLETE, "fix_offsets": {0: 1_240, 1: 2}, "message_offsets": {0: 2}}
    await writer.store(batch(TALLY, [tally(2, **later)], start=1))
    console = Console(file=StringIO(), width=200)
    ledger.show(await read_ledger(database), console)
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    assert "Balanced" in shown
    assert "On the way to the database: 1,237 fixes, 1 messages." in shown
    assert "3 lines came that their run's newest tally does not tell of" in shown


async def test_without_tables_the_error_says_what_to_do(empty_dsn: str) -> None:
    connection = await asyncpg.connect(empty_dsn)
    with pytest.raises(DatabaseError, match="dipper migrate"):
        await read_ledger(connection)
    await connection.close()


def test_the_commands_work_on_a_data_directory_whose_pipeline_does_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrate.run(tmp_path) == 0
    assert "applied 0001_tables" in capsys.readouterr().err
    assert migrate.run(tmp_path) == 0
    assert "up to date" in capsys.readouterr().err
    assert ledger.run(tmp_path, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["balanced"] is True
    assert ledger.run(tmp_path, as_json=False) == 0
    assert "Balanced." in capsys.readouterr().out


def test_a_directory_without_a_database_is_a_sentence_and_gets_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ledger.run(tmp_path / "nothing", as_json=True) == 1
    assert "there is no database in" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


async def test_the_setting_goes_before_the_data_directory(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPPER_DSN", dsn)
    async with database_of(tmp_path) as found:
        assert found == dsn
    assert not (tmp_path / DATABASE_DIRECTORY).exists()
