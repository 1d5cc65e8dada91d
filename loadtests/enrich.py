"""What enrich's Python costs a fix, without the log: python -m loadtests enrich.

The simulator's fleet drives and sails past the zones of the demonstration; what RMC and GGA give of
it are the batches of one partition, in the order in which they arrive. Each round a new stage
handles all of them on a log that only counts. Reading from the log and checkpoints are left out.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import process_time

from prometheus_client import CollectorRegistry

from loadtests import python_only
from loadtests.load import LoadError
from loadtests.report import PYTHON, Report
from services.assembly.parts import topic_specs
from services.codec import encode_fix
from services.enrich.metrics import EnrichMetrics
from services.enrich.stage import EnrichStage
from services.enrich.zone_source import ZoneSource
from services.log.base import (
    ENRICHED,
    FIX,
    ZONE,
    ZONE_EVENT,
    Batch,
    Entry,
    TopicPartition,
)
from services.log.blocks import numbered
from services.log.memory import MemoryLog
from services.nmea import core
from services.nmea.stream import Stream
from services.runtime.process import COLLECT_THRESHOLDS
from services.tools.fleet import make_fleet
from services.tools.fleet.prepared import epoch, moment, prepare
from services.tools.zones import read_zone_files
from services.zones.records import encode_zone

BATCH_SIZES = (100, 400, 2_000)
TERMINALS = 80
SECONDS = 300
START_US = 1_760_000_000_000_000
SECOND_US = 1_000_000
RUN = "0d5b8a52c1f94f6e"
ZONES = Path(__file__).parents[1] / "services/tools/data/wenzhou_zones.geojson"


class _Drain(MemoryLog):
    """Keeps zones, and of what enrich gives the numbers of records only."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = {ENRICHED: 0, ZONE_EVENT: 0}

    async def append(
        self, topic: str, entries: Sequence[Entry], *, partition: int | None = None
    ) -> Mapping[int, int]:
        if topic not in self.counts:
            return await super().append(topic, entries, partition=partition)
        self.counts[topic] += len(entries)
        return {0: self.counts[topic]}


def _drive() -> list[Entry]:
    """The records of a fleet, half of it on roads and half on water, a fix each a second."""
    driven = []
    fleet = make_fleet(TERMINALS // 2, TERMINALS // 2, seed=7)
    sent = [
        (Stream(terminal.name, run=RUN), prepare(terminal, START_US, SECONDS)) for terminal in fleet
    ]
    for second in range(SECONDS):
        now = moment(START_US + second * SECOND_US)
        for stream, places in sent:
            outcomes = stream.feed(epoch(places[second], now), START_US + second * SECOND_US)
            driven += [Entry(fix.terminal.encode(), encode_fix(fix)) for fix in outcomes.fixes]
    return driven


def _cut(driven: Sequence[Entry], size: int) -> list[Batch]:
    records = numbered(driven, 0)
    place = TopicPartition(FIX, 0)
    return [
        Batch(place, records[start : start + size], min(start + size, len(records)))
        for start in range(0, len(records), size)
    ]


async def _round(batches: Sequence[Batch]) -> tuple[float, Mapping[str, int]]:
    """CPU seconds of a new stage for all batches, and how many records it gave of each topic.

    Raises LoadError if fixes are missing.
    """
    async with _Drain() as log:
        await log.create_topics(topic_specs(1))
        zones = [
            Entry(zone.id.encode(), encode_zone(zone)) for zone in read_zone_files([str(ZONES)])
        ]
        await log.append(ZONE, zones)
        metrics = EnrichMetrics(CollectorRegistry())
        source = ZoneSource(log, metrics, 1.0, lambda: 0.0)
        stage = EnrichStage(log, source, metrics, 1.0, lambda: 0.0)
        consumer = await log.consumer("enrich", [FIX])
        await consumer.poll(0)
        await stage.gained(consumer, consumer.assigned())
        gc.collect()
        start = process_time()
        for batch in batches:
            await stage.handle(batch)
        took = process_time() - start
        await consumer.close()
        fixes = sum(len(batch.records) for batch in batches)
        if log.counts[ENRICHED] != fixes:
            raise LoadError(f"{log.counts[ENRICHED]:,} of {fixes:,} fixes came out")
        return took, log.counts


async def enrich(rounds: int, command: str) -> Report:
    """Each size of batch, with and without compiled code in turns. Raises LoadError."""
    report = Report("enrich", command)
    # As in a service.
    gc.set_threshold(*COLLECT_THRESHOLDS)
    driven = _drive()
    for size in BATCH_SIZES:
        batches = _cut(driven, size)
        compiled, python = [], []
        for _ in range(rounds):
            compiled.append(await _round(batches))
            with python_only.enrichment():
                python.append(await _round(batches))
        if compiled[0][1] != python[0][1]:
            raise LoadError(f"compiled code gave {compiled[0][1]}, Python {python[0][1]}")
        least, other = (
            min(took for took, _ in each) / len(driven) * 1e6 for each in (compiled, python)
        )
        name = f"batches of {size:,}"
        report.add(f"{name}, {core.ABOUT}", least, "µs/fix", PYTHON, other / least)
        report.add(f"{name}, {PYTHON}", other, "µs/fix")
    report.notes.append(
        f"{len(driven):,} fixes of {TERMINALS} terminals, {compiled[0][1][ZONE_EVENT]:,} events; "
        "the least of the rounds. A log that only counts."
    )
    return report
