"""The SQLite log's file: who may open it, and what is said when it can't be used."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.log.base import Entry, LogError, LogUnavailableError, TopicPartition, TopicSpec
from services.log.sqlite import SqliteLog
from services.log.sqlite_file import SCHEMA_VERSION

TOPIC = TopicSpec("t", 1)


async def refusal(path: Path) -> str:
    """What opening the log says."""
    with pytest.raises(LogError) as caught:
        async with SqliteLog(path):
            raise AssertionError("it was opened")
    assert not isinstance(caught.value, LogUnavailableError)
    return str(caught.value)


async def read_all(path: Path) -> None:
    """Open the log and read."""
    async with SqliteLog(path) as log:
        consumer = await log.consumer("g", ["t"])
        await consumer.poll(0.0)
        await consumer.poll(0.0)


async def test_a_missing_directory_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "log.db"
    async with SqliteLog(path) as log:
        await log.create_topics([TOPIC])
    assert path.exists()


async def test_a_second_log_on_the_same_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path):
        said = await refusal(path)
    assert str(path) in said
    assert "in use by another process" in said


@contextmanager
def another_process_with(path: Path) -> Iterator[None]:
    """A process that holds the log open."""
    holder = (
        "import asyncio, sys\n"
        "from services.log.sqlite import SqliteLog\n"
        "async def hold():\n"
        "    async with SqliteLog(sys.argv[1]):\n"
        "        print('open', flush=True)\n"
        "        await asyncio.to_thread(sys.stdin.read)\n"
        "asyncio.run(hold())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield


async def test_another_process_that_has_the_file_open_is_named_as_the_reason(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.db"
    with another_process_with(path):
        assert "in use by another process" in await refusal(path)
    async with SqliteLog(path) as log:
        await log.ping()


async def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    assert "is damaged" in await refusal(path)


async def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE precious (x)")
    other.close()
    assert "no log of Dipper" in await refusal(path)
    with sqlite3.connect(path) as other:
        names = other.execute("SELECT name FROM sqlite_master").fetchall()
    other.close()
    assert names == [("precious",)]


async def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path):
        pass
    with sqlite3.connect(path) as newer:
        newer.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    newer.close()
    assert f"has format {SCHEMA_VERSION + 1}" in await refusal(path)


async def test_a_path_that_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "can't be opened" in await refusal(tmp_path)
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in await refusal(tmp_path / "file" / "log.db")


async def test_a_damaged_page_is_an_error_and_not_a_wrong_record(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        await log.create_topics([TOPIC])
        await log.append("t", [Entry(b"k", bytes([7]) * 200_000)])
    whole = bytearray(path.read_bytes())
    assert whole.count(bytes([7]) * 1000) > 0
    page = 16_384
    for start in range(page, len(whole), page):
        whole[start : start + 64] = b"\xff" * 64
    path.write_bytes(whole)
    with pytest.raises(LogError, match="is damaged"):
        await read_all(path)


async def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await log.create_topics([TOPIC])
        await log.append("t", [Entry(b"k", b"before")])
        worker = log._file.worker
        await worker.call(lambda connection: connection.execute("PRAGMA max_page_count=1"))
        with pytest.raises(LogError, match="is full: free some space"):
            await log.append("t", [Entry(b"k", bytes(1 << 20))] * 20)
        assert await log.end_offsets("t") == {0: 1}
        await worker.call(lambda connection: connection.execute("PRAGMA max_page_count=1000000"))
        assert await log.append("t", [Entry(b"k", b"after")]) == {0: 2}
        consumer = await log.consumer("g", ["t"])
        await consumer.poll(0.0)
        (batch,) = await consumer.poll(0.0)
    assert batch.source == TopicPartition("t", 0)
    assert [record.value for record in batch.records] == [b"before", b"after"]
