"""The log against the bare engine below it, in turns in one run.

Embedded: ``SqliteLog`` against one ``executemany`` a batch with one row a record, and against
reading these rows. Kafka: ``KafkaLog`` against aiokafka's ``send`` for each record, its
``send_batch`` and its ``getmany``, acknowledged by the same rule.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import uvloop

from loadtests.bare_log import Batches, bare_kafka, bare_sqlite
from loadtests.load import LoadError
from loadtests.log_cost import Turns, add_cost, measure_cost
from loadtests.report import Report
from services.log.base import ENRICHED, FIX, Entry, Log, TopicSpec
from services.log.kafka import KafkaLog
from services.log.sqlite import SqliteLog

PARTITIONS = 8
TERMINALS = 200
VALUE_BYTES = 400
BATCH = 200
RECORDS = 20_000
WRITERS = 8

ALONE = f"append, {BATCH} records of {VALUE_BYTES} bytes"
TOGETHER = f"append, {WRITERS} writers at once"
READ = "read and commit as a new group"
EXECUTE_MANY = "SQLite executemany, one row a record"
SELECT = "SQLite SELECT of these rows"
SEND = "aiokafka send for each record"
SEND_BATCH = "aiokafka send_batch"
GETMANY = "aiokafka getmany"


class Pair(NamedTuple):
    """A figure of the log, and the engine's that it is compared with."""

    name: str
    against: str


EMBEDDED_PAIRS: tuple[Pair, ...] = (
    Pair(ALONE, EXECUTE_MANY),
    Pair(TOGETHER, EXECUTE_MANY),
    Pair(READ, SELECT),
)
KAFKA_PAIRS: tuple[Pair, ...] = (
    Pair(ALONE, SEND),
    Pair(ALONE, SEND_BATCH),
    Pair(TOGETHER, SEND_BATCH),
    Pair(READ, GETMANY),
)

Round = dict[str, float]
"""Records a second by figure."""


def measure(backend: str, command: str, rounds: int) -> Report:
    """Run the scenario for ``embedded`` or ``kafka``. Raises LoadError."""
    if backend == "embedded":
        pairs, (found, costs) = EMBEDDED_PAIRS, uvloop.run(_embedded(rounds))
    else:
        pairs, (found, costs) = KAFKA_PAIRS, uvloop.run(_kafka(rounds))
    report = log_report(command, pairs, found)
    add_cost(report, costs)
    return report


def _batches(records: int) -> Batches:
    """Batches as ingest makes them: of many terminals, with values that don't compress."""
    return [
        [
            Entry(b"terminal-%04d" % ((start + at * 7) % TERMINALS), os.urandom(VALUE_BYTES))
            for at in range(BATCH)
        ]
        for start in range(0, records, BATCH)
    ]


async def _embedded(rounds: int) -> tuple[list[Round], Turns]:
    batches = _batches(RECORDS)
    found: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="dipper-loadtest-", dir=Path.cwd()) as directory:
        async with SqliteLog(Path(directory) / "log.db") as log:
            await log.create_topics([TopicSpec(FIX, PARTITIONS)])
            with bare_sqlite(Path(directory) / "bare.db") as bare:
                for number in range(rounds):
                    figures = {ALONE: await _append(log, batches)}
                    figures[EXECUTE_MANY] = bare.write(batches)
                    figures[TOGETHER] = await _append(log, batches, writers=WRITERS)
                    figures[READ] = await _read(log, f"round-{number}")
                    figures[SELECT] = bare.read()
                    found.append(figures)
            costs = await measure_cost(log, ENRICHED, rounds)
    return found, costs


async def _kafka(rounds: int) -> tuple[list[Round], Turns]:
    batches = _batches(RECORDS)
    found: list[Round] = []
    async with _broker() as address, KafkaLog(address) as log:
        names = [f"loadtest.{name}.{time.time_ns()}" for name in ("log", "bare")]
        await log.create_topics([TopicSpec(name, PARTITIONS) for name in names])
        async with bare_kafka(address, names[1], PARTITIONS) as bare:
            for number in range(rounds):
                figures = {ALONE: await _append(log, batches, names[0])}
                figures[SEND] = await bare.send_each(batches)
                figures[SEND_BATCH] = await bare.send_batches(batches)
                figures[TOGETHER] = await _append(log, batches, names[0], WRITERS)
                figures[READ] = await _read(log, f"round-{number}-{names[0]}", names[0])
                figures[GETMANY] = await bare.read()
                found.append(figures)
        costs = await measure_cost(log, f"loadtest.cost.{time.time_ns()}", rounds)
    return found, costs


async def _append(log: Log, batches: Batches, topic: str = FIX, writers: int = 1) -> float:
    async def write(mine: Batches) -> None:
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


@asynccontextmanager
async def _broker() -> AsyncIterator[str]:
    """The broker of DIPPER_TEST_KAFKA, or one of our own. Raises LoadError."""
    if given := os.environ.get("DIPPER_TEST_KAFKA"):
        yield given
        return
    from tests.engines import kafka
    from tests.engines.found import NotAvailableError

    try:
        cluster = await asyncio.to_thread(kafka.start_cluster, compile_fully=True)
    except NotAvailableError as error:
        raise LoadError(str(error)) from error
    try:
        yield cluster.bootstrap_servers
    finally:
        await asyncio.to_thread(cluster.stop)


def log_report(command: str, pairs: Sequence[Pair], rounds: Sequence[Round]) -> Report:
    """Medians of the rounds, and of the ratios within each."""
    report = Report("log", command)
    for name, against in pairs:
        ratio = statistics.median(one[name] / one[against] for one in rounds)
        rate = statistics.median(one[name] for one in rounds)
        report.add(name, rate, "records/s", against, ratio)
    for against in dict.fromkeys(pair.against for pair in pairs):
        report.add(against, statistics.median(one[against] for one in rounds), "records/s")
    report.notes.append(
        f"Medians of {len(rounds)} rounds in turns; {PARTITIONS} partitions, {TERMINALS} terminals."
    )
    return report
