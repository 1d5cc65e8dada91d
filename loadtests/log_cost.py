"""What the log's own Python costs a record, with and without its compiled code, in turns.

A record is appended in a round of many, read as it comes, and its offset committed. Processor time
of this process only: with Kafka the broker is another.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time
from unittest.mock import patch

from loadtests.load import LoadError
from loadtests.report import Report
from services.log import compiled
from services.log.base import Consumer, Entry, Log, TopicSpec

ROUNDS_OF = (300, 3_000)
"""Records in a round: at a few thousand a second, and at 25,000."""
PARTITIONS = 12
TERMINALS = 1_000
VALUE_BYTES = 400
RECORDS = 30_000
"""In one turn."""

Turns = dict[int, tuple[list[float], list[float]]]
"""By records in a round: µs a record of each turn, compiled and without it."""


async def measure_cost(log: Log, topic: str, turns: int) -> Turns:
    """Both ways in turns, on a new topic. Raises LoadError."""
    await log.create_topics([TopicSpec(topic, PARTITIONS)])
    consumer = await log.consumer(f"cost-{topic}", [topic])
    while not consumer.assigned():
        await consumer.poll(1.0)
    found: Turns = {}
    for size in ROUNDS_OF:
        entries = [
            Entry(b"terminal-%04d" % (at % TERMINALS), os.urandom(VALUE_BYTES))
            for at in range(size)
        ]
        await _turn(log, consumer, topic, entries)
        quick, slow = found.setdefault(size, ([], []))
        for _ in range(turns):
            quick.append(await _turn(log, consumer, topic, entries))
            with _python_only():
                slow.append(await _turn(log, consumer, topic, entries))
    await consumer.close()
    return found


def add_cost(report: Report, found: Turns) -> None:
    """Medians of the turns, and the ratio of both ways."""
    for size, (quick, slow) in found.items():
        name = f"CPU a record, rounds of {size:,}"
        value, other = statistics.median(quick), statistics.median(slow)
        if compiled.split is None:
            report.add(f"{name}, Python only", other, "µs")
            continue
        report.add(name, value, "µs", "without compiled code", other / value)
        report.add(f"{name}, without compiled code", other, "µs")


async def _turn(log: Log, consumer: Consumer, topic: str, entries: list[Entry]) -> float:
    """µs a record."""
    start = process_time()
    rounds = RECORDS // len(entries)
    for _ in range(rounds):
        await log.append(topic, entries)
        seen = 0
        while seen < len(entries):
            batches = await consumer.poll(5.0)
            if not batches:
                raise LoadError("the log does not give back what was appended")
            seen += sum(len(batch.records) for batch in batches)
            await consumer.commit({batch.source: batch.next_offset for batch in batches})
    return (process_time() - start) / rounds / len(entries) * 1e6


@contextmanager
def _python_only() -> Iterator[None]:
    """Without the compiled code of the log."""
    with patch.multiple(
        compiled,
        split=None,
        size_of=None,
        pack=None,
        unpack=None,
        numbered=None,
        read_batches=None,
        pack_batch=None,
    ):
        yield
