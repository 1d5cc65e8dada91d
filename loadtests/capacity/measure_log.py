"""What small batches and reading state cost on Kafka: python -m loadtests.capacity.measure_log.

Processor time of this process and of the broker for appends of 1 and of 50 records a partition;
the time that it takes to read a compacted partition and to make zone state of it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from time import perf_counter, process_time
from typing import NamedTuple

import uvloop

from loadtests.load import LoadError
from loadtests.processes import usage_by_part
from services.enrich.state import recover, state_entries
from services.log.base import Entry, TopicSpec
from services.log.kafka import KafkaLog
from services.log.partitioning import partition_of
from services.model import Source
from services.zones.transitions import TerminalZones

PARTITIONS = 96
VALUE_BYTES = 460
FEW, MANY = 1, 50
"""Records a batch."""
WARM_UP = 300
"""Appends until the broker's code is compiled."""
APPENDS = {FEW: 100, MANY: 20}
TERMINALS = 50_000
SAVES = 3
EMPTY = 20
APPENDED, STATES, NOTHING = "capacity.appended", "capacity.states", "capacity.nothing"


class Cost(NamedTuple):
    """Microseconds a batch."""

    client_us: float
    broker_us: float


async def measure(log: KafkaLog, broker_s: Callable[[], float]) -> dict[str, float]:
    """All figures; ``broker_s`` tells the broker's processor time."""
    await log.create_topics(
        [
            TopicSpec(APPENDED, PARTITIONS),
            TopicSpec(STATES, 1, compacted=True),
            TopicSpec(NOTHING, EMPTY, compacted=True),
        ]
    )
    await _append(log, FEW, WARM_UP, broker_s)
    few = await _append(log, FEW, APPENDS[FEW], broker_s)
    many = await _append(log, MANY, APPENDS[MANY], broker_s)
    each = [(high - low) / (MANY - FEW) for low, high in zip(few, many, strict=True)]
    return {
        "client, µs a batch": few.client_us - each[0] * FEW,
        "client, µs a record": each[0],
        "broker, µs a batch": few.broker_us - each[1] * FEW,
        "broker, µs a record": each[1],
        **await _read(log),
    }


async def _append(log: KafkaLog, records: int, appends: int, broker_s: Callable[[], float]) -> Cost:
    entries = _entries(records)
    client, broker = process_time(), broker_s()
    for _ in range(appends):
        await log.append(APPENDED, entries)
    batches = appends * PARTITIONS
    return Cost((process_time() - client) / batches * 1e6, (broker_s() - broker) / batches * 1e6)


def _entries(records: int) -> list[Entry]:
    """So many of each partition."""
    value = os.urandom(VALUE_BYTES // 2).hex().encode()
    left = dict.fromkeys(range(PARTITIONS), records)
    found, number = [], 860_000_000_000_000
    while left:
        key = b"%d" % number
        number += 1
        partition = partition_of(key, PARTITIONS)
        if partition in left:
            found.append(Entry(key, value))
            left[partition] -= 1
            if not left[partition]:
                del left[partition]
    return found


async def _read(log: KafkaLog) -> dict[str, float]:
    states = {
        f"{860_000_000_000_000 + number}": TerminalZones(1_760_000_000_000_000 + number, {})
        for number in range(TERMINALS)
    }
    for _ in range(SAVES):
        await log.append(STATES, state_entries(states, states, Source(0, 123_456), 1), partition=0)
    started, cpu = perf_counter(), process_time()
    records = await log.read_compacted(STATES, 0)
    took, used = perf_counter() - started, process_time() - cpu
    cpu = process_time()
    recover(records)
    folded = process_time() - cpu
    started = perf_counter()
    for partition in range(EMPTY):
        await log.read_compacted(NOTHING, partition)
    return {
        "state, µs a record read, waiting included": took / TERMINALS / SAVES * 1e6,
        "state, µs a record read, processor": used / TERMINALS / SAVES * 1e6,
        "state, µs a terminal recovered": folded / TERMINALS * 1e6,
        "state, s an empty partition": (perf_counter() - started) / EMPTY,
    }


async def _run() -> dict[str, float]:
    from tests.engines.found import NotAvailableError
    from tests.engines.kafka import start_cluster

    try:
        started = start_cluster(compile_fully=True)
    except NotAvailableError as error:
        raise LoadError(str(error)) from error
    try:
        process = started.brokers[0].process
        assert process is not None
        async with KafkaLog(started.bootstrap_servers) as log:
            return await measure(
                log, lambda: sum(part.cpu_s for part in usage_by_part(process.pid).values())
            )
    finally:
        started.stop()


def main() -> int:
    """Print the figures as JSON."""
    # Leaders of new partitions are not known at once; what is tried again is told to nobody.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        print(json.dumps(uvloop.run(_run()), indent=1, ensure_ascii=False))
    except LoadError as error:
        print(f"loadtests.capacity.measure_log: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
