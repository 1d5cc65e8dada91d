"""The ledger of a real database, as the command shows it."""

from __future__ import annotations

import json
from pathlib import Path

import asyncpg
import pytest

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


async def store_all(writer: StoreWriter) -> None:
    """Two partitions with a duplicate and a dead letter, and the tally that tells of them."""
    await writer.store(fix_batch([fix(1), fix(2), fix(2)]))
    await writer.store(fix_batch([fix(1, "SHIP-1"), fix(2, "SHIP-1", lat=99.0)], partition=1))
    await writer.store(batch(ZONE_EVENT, [event(1), event(1)]))
    await writer.store(batch(MESSAGE, [message()]))
    await writer.store(batch(REJECT, [reject(), reject(reason="malformed")]))
    told = tally(
        lines_read=16,
        lines_pending=1,
        lines_used=13,
        lines_control=2,
        lines_rejected={"not_nmea": 1, "malformed": 1},
        fixes_published=5,
        messages_published=1,
        fix_offsets={0: 3, 1: 2},
    )
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
        },
        "fixes": {
            "published": 5,
            "stored": 3,
            "duplicate": 1,
            "dead_lettered": {"refused_by_database": 1},
            "in_flight": 0,
        },
        "events": {"published": 2, "stored": 1, "duplicate": 1, "dead_lettered": {}},
        "messages": {"published": 1, "stored": 1, "duplicate": 0, "dead_lettered": {}},
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
    assert "2 of 8 fixes are neither stored nor dead-lettered" in found.problems[0]


async def test_a_tally_without_its_fixes_shows_them_as_on_their_way(
    writer: StoreWriter, database: asyncpg.Connection
) -> None:
    told = tally(lines_read=6, lines_used=6, fixes_published=3, fix_offsets={2: 3})
    await writer.store(batch(TALLY, [told]))
    found = await read_ledger(database)
    assert found.balanced
    assert (found.fixes.in_flight, found.lines.in_flight) == (3, 6)


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
