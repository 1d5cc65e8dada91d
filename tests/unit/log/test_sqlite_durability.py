"""What was acknowledged outlasts kill -9, and what shares a transaction is all or nothing."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from services.log.base import Entry, LogError, TopicSpec
from services.log.sqlite import SqliteLog
from services.log.storage import Limits

TOPIC = TopicSpec("t", 3)

WRITER = """
import asyncio, sys
from services.log.base import Entry, TopicSpec
from services.log.sqlite import SqliteLog

async def write(log, writer):
    for number in range(1_000_000):
        value = b"%d:" % number + b"x" * 700
        entries = [Entry(b"%d-%d" % (writer, part), value) for part in range(30)]
        await log.append("t", entries)
        print(writer, number, flush=True)

async def main():
    async with SqliteLog(sys.argv[1]) as log:
        await log.create_topics([TopicSpec("t", 3)])
        await asyncio.gather(*(write(log, writer) for writer in range(4)))

asyncio.run(main())
"""


def write_until_killed(path: Path, acknowledged: int) -> dict[int, int]:
    """Have a process append, kill it after so many acknowledgements; each writer's last one."""
    last: dict[int, int] = {}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for _ in range(acknowledged):
            writer, number = map(int, process.stdout.readline().split())
            last[writer] = number
        process.send_signal(signal.SIGKILL)
        for line in process.stdout.read().decode().splitlines():
            if len(fields := line.split()) == 2:
                last[int(fields[0])] = int(fields[1])
        assert process.wait() == -signal.SIGKILL
    return last


@pytest.mark.parametrize("acknowledged", [1, 57, 400])
async def test_after_kill_9_every_acknowledged_append_is_there_whole(
    tmp_path: Path, acknowledged: int
) -> None:
    path = tmp_path / "log.db"
    last = write_until_killed(path, acknowledged)

    appends: dict[int, dict[int, int]] = {}
    async with SqliteLog(path) as log:
        consumer = await log.consumer("g", ["t"])
        await consumer.poll(0.0)
        next_offsets = dict.fromkeys(range(3), 0)
        while batches := await consumer.poll(0.0):
            for batch in batches:
                for record in batch.records:
                    assert record.offset == next_offsets[batch.source.partition]
                    next_offsets[batch.source.partition] += 1
                    assert record.key is not None
                    assert record.value is not None
                    number, padding = record.value.split(b":")
                    assert padding == b"x" * 700
                    writer = int(record.key.split(b"-")[0])
                    counts = appends.setdefault(writer, {})
                    counts[int(number)] = counts.get(int(number), 0) + 1
        assert next_offsets == await log.end_offsets("t")
    for writer, number in last.items():
        assert set(range(number + 1)) <= appends[writer].keys()
    for counts in appends.values():
        assert set(counts.values()) == {30}, "an append is there in part"
        assert sorted(counts) == list(range(len(counts)))


async def test_appends_that_come_together_share_a_transaction(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await log.create_topics([TopicSpec("t", 1)])
        await asyncio.gather(*(log.append("t", [Entry(b"k", b"%d" % n)]) for n in range(500)))
        rows = await log._file.worker.call(
            lambda connection: connection.execute(
                "SELECT count(*), sum(count) FROM blocks"
            ).fetchone()
        )
    assert rows[1] == 500
    assert rows[0] <= 5


async def test_records_older_than_the_tail_are_read_from_the_file(tmp_path: Path) -> None:
    limits = Limits(records=7, bytes=300)
    async with SqliteLog(tmp_path / "log.db", limits=limits, tail_bytes=200) as log:
        await log.create_topics([TopicSpec("t", 1)])
        for number in range(60):
            await log.append("t", [Entry(b"k", b"%04d" % number + bytes(number))] * 2)
        consumer = await log.consumer("g", ["t"])
        await consumer.poll(0.0)
        values: list[bytes | None] = []
        while batches := await consumer.poll(0.0):
            (batch,) = batches
            assert len(batch.records) <= 7
            values.extend(record.value for record in batch.records)
    assert values == [b"%04d" % number + bytes(number) for number in range(60) for _ in range(2)]


async def test_a_cancelled_append_does_not_upset_the_ones_after_it(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await log.create_topics([TopicSpec("t", 1)])
        tasks = [asyncio.create_task(log.append("t", [Entry(b"k", b"x")])) for _ in range(10)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[3], asyncio.CancelledError)
        assert (await log.append("t", [Entry(b"k", b"y")]))[0] in (10, 11)
        assert log._file._pending.used == 0


async def test_nobody_waits_for_a_thread_that_died(tmp_path: Path) -> None:
    def die(connection: sqlite3.Connection) -> None:
        raise RuntimeError("a bug")

    log = SqliteLog(tmp_path / "log.db")
    await log.__aenter__()
    await log.create_topics([TopicSpec("t", 1)])
    said: list[threading.ExceptHookArgs] = []
    hook, threading.excepthook = threading.excepthook, said.append
    try:
        with pytest.raises(LogError, match="has stopped"):
            await log._file.worker.call(die)
        with pytest.raises(LogError, match="has stopped"):
            await log.append("t", [Entry(b"k", b"x")])
        # Waits for the thread, whose last act is to call the hook.
        await log.__aexit__(None, None, None)
    finally:
        threading.excepthook = hook
    assert isinstance(said[0].exc_value, RuntimeError)
