"""The log against the bare engine below it, in turns in one run.

Embedded: ``SqliteLog.append`` against one ``executemany`` a batch with one row a record, in a
file with the same settings. Kafka: ``KafkaLog.append`` against aiokafka's ``send`` for each
record, acknowledged by the same rule.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from loadtests.report import Report
from services.log.base import FIX, Entry, Log, TopicSpec
from services.log.kafka import KafkaLog
from services.log.sqlite import SqliteLog
from services.log.sqlite_file import connect

PARTITIONS = 8
TERMINALS = 200
VALUE_BYTES = 400
BATCH = 200
ROUNDS = 7


WRITERS = 8


class Rates(NamedTuple):
    """Records a second of one round."""

    log: float
    bare: float
    together: float
    """By so many writers at once, whose appends the log joins."""
    read: float


def measure(backend: str, command: str) -> Report:
    """Run the scenario for ``embedded`` or ``kafka``."""
    return asyncio.run(_embedded(command) if backend == "embedded" else _kafka(command))


def _batches(records: int) -> list[list[Entry]]:
    """Batches as ingest makes them: of many terminals, with values that don't compress."""
    return [
        [
            Entry(b"terminal-%04d" % ((start + at * 7) % TERMINALS), os.urandom(VALUE_BYTES))
            for at in range(BATCH)
        ]
        for start in range(0, records, BATCH)
    ]


async def _embedded(command: str) -> Report:
    batches = _batches(20_000)
    rounds = []
    with tempfile.TemporaryDirectory(prefix="dipper-loadtest-", dir=Path.cwd()) as directory:
        async with SqliteLog(Path(directory) / "log.db") as log:
            await log.create_topics([TopicSpec(FIX, PARTITIONS)])
            with _bare_sqlite(Path(directory) / "bare.db") as bare:
                for number in range(ROUNDS):
                    rate = await _append(log, batches)
                    plain = _execute_many(bare, batches)
                    together = await _append(log, batches, writers=WRITERS)
                    read = await _read(log, f"round-{number}")
                    rounds.append(Rates(rate, plain, together, read))
    return _report(command, "SQLite executemany, one row a record", rounds)


async def _kafka(command: str) -> Report:
    batches = _batches(20_000)
    rounds = []
    async with _broker() as address, KafkaLog(address) as log:
        names = [f"loadtest.{name}.{time.time_ns()}" for name in ("log", "bare")]
        await log.create_topics([TopicSpec(name, PARTITIONS) for name in names])
        async with AIOKafkaProducer(
            bootstrap_servers=address, acks="all", enable_idempotence=True
        ) as producer:
            for number in range(ROUNDS):
                rate = await _append(log, batches, names[0])
                plain = await _send_each(producer, names[1], batches)
                together = await _append(log, batches, names[0], WRITERS)
                read = await _read(log, f"round-{number}-{names[0]}", names[0])
                rounds.append(Rates(rate, plain, together, read))
    return _report(command, "aiokafka send for each record", rounds)


async def _append(
    log: Log, batches: Sequence[Sequence[Entry]], topic: str = FIX, writers: int = 1
) -> float:
    async def write(mine: Sequence[Sequence[Entry]]) -> None:
        for batch in mine:
            await log.append(topic, batch)

    start = time.perf_counter()
    await asyncio.gather(*(write(batches[number::writers]) for number in range(writers)))
    return len(batches) * BATCH / (time.perf_counter() - start)


async def _read(log: Log, group: str, topic: str = FIX) -> float:
    """Read all there is as a new group, from the disk for the most part."""
    wanted = sum((await log.end_offsets(topic)).values())
    consumer = await log.consumer(group, [topic])
    while not consumer.assigned():
        await consumer.poll(1.0)
    start = time.perf_counter()
    seen = 0
    while seen < wanted:
        batches = await consumer.poll(1.0)
        seen += sum(len(batch.records) for batch in batches)
        await consumer.commit({batch.source: batch.next_offset for batch in batches})
    rate = seen / (time.perf_counter() - start)
    await consumer.close()
    return rate


@contextmanager
def _bare_sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(path)
    connection.execute("CREATE TABLE records (id INTEGER PRIMARY KEY, partition, key, value)")
    try:
        yield connection
    finally:
        connection.close()


def _execute_many(connection: sqlite3.Connection, batches: Sequence[Sequence[Entry]]) -> float:
    start = time.perf_counter()
    for batch in batches:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO records (partition, key, value) VALUES (?, ?, ?)",
            [(0, key, value) for key, value in batch],
        )
        connection.execute("COMMIT")
    return len(batches) * BATCH / (time.perf_counter() - start)


async def _send_each(
    producer: AIOKafkaProducer, topic: str, batches: Sequence[Sequence[Entry]]
) -> float:
    start = time.perf_counter()
    for batch in batches:
        sent = [await producer.send(topic, key=key, value=value) for key, value in batch]
        await asyncio.gather(*sent)
    return len(batches) * BATCH / (time.perf_counter() - start)


@asynccontextmanager
async def _broker() -> AsyncIterator[str]:
    """The broker of DIPPER_TEST_KAFKA, or one of our own."""
    if given := os.environ.get("DIPPER_TEST_KAFKA"):
        yield given
        return
    from tests.engines import kafka

    cluster = await asyncio.to_thread(kafka.start_cluster, compile_fully=True)
    try:
        yield cluster.bootstrap_servers
    finally:
        await asyncio.to_thread(cluster.stop)


def _report(command: str, against: str, rounds: Sequence[Rates]) -> Report:
    report = Report("log", command)
    bare = statistics.median(one.bare for one in rounds)
    report.add(against, bare, "records/s")
    for name, rates in (
        (f"append, {BATCH} records of {VALUE_BYTES} bytes", [one.log for one in rounds]),
        (f"append, {WRITERS} writers at once", [one.together for one in rounds]),
    ):
        ratios = [rate / one.bare for rate, one in zip(rates, rounds, strict=True)]
        ratio = statistics.median(ratios)
        report.add(name, statistics.median(rates), "records/s", against, ratio)
    read = statistics.median(one.read for one in rounds)
    report.add("read and commit as a new group", read, "records/s")
    report.notes.append(
        f"Medians of {ROUNDS} rounds in turns; {PARTITIONS} partitions, {TERMINALS} terminals."
    )
    return report
