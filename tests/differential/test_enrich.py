"""Enrich as a whole publishes the same bytes with compiled code as without it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from services.assembly.parts import topic_specs
from services.codec import encode_fix
from services.enrich.metrics import EnrichMetrics
from services.enrich.stage import EnrichStage
from services.enrich.zone_source import ZoneSource
from services.log.base import FIX, ZONE, Entry
from services.log.memory import MemoryLog, MemoryStorage
from services.log.storage import Limits
from services.zones.records import encode_zone
from tests.core import enriching_by, need_core
from tests.differential.patience import PATIENT
from tests.differential.records import fixes, spoilt
from tests.unit.zones.conftest import make_box, make_circle
from tests.values import NOON_US, make_fix

ZONES = [
    make_box("a", 0, 0, 2, 2, version="1"),
    make_box('b"ü', 1, 1, 3, 3, version="1", valid=(NOON_US + 10, NOON_US + 30)),
    make_circle("c", 0, 0, 60_000, version="1"),
]
DEGREES = st.sampled_from([0.4, 0.4, 1.0, 1, 1.5, 2.5, 4.0, None, 0.1 + 0.2])
JOURNEY = st.builds(
    lambda terminal, later_us, lat, lon, fix: encode_fix(
        make_fix(terminal, NOON_US + later_us, lat=lat, lon=lon, fix=fix)
    ),
    st.sampled_from(["truck-1", "ship-2", "bus-3"]),
    st.integers(0, 40),
    DEGREES,
    DEGREES,
    st.sampled_from(["gnss", "gnss", "gnss", "none"]),
)
TOMBSTONE_OR_JUNK = st.sampled_from([None, b"", b"{}", b"[]", b'{"terminal":"truck-1"} '])
VALUES = st.one_of(
    JOURNEY,
    JOURNEY,
    JOURNEY,
    JOURNEY.map(lambda value: orjson.dumps(dict(reversed(orjson.loads(value).items())))),
    fixes().map(encode_fix),
    spoilt(JOURNEY),
    TOMBSTONE_OR_JUNK,
)


@pytest.fixture(autouse=True, scope="module")
def _core() -> None:
    need_core()


async def published(values: Sequence[bytes | None], batch: int) -> Mapping[str, object]:
    """Everything that enrich makes of these records, read in batches of at most so many, in two
    lives with a checkpoint between them; and its metrics."""
    storage = MemoryStorage()
    told: list[bytes] = []
    async with MemoryLog(storage, Limits(records=batch)) as log:
        await log.create_topics(topic_specs(1))
        await log.append(ZONE, [Entry(zone.id.encode(), encode_zone(zone)) for zone in ZONES])
        keys = [b"truck-1", b"", None]
        entries = [Entry(keys[at % 3], value) for at, value in enumerate(values)]
        half = len(entries) // 2
        for part in (entries[:half], entries[half:]):
            await log.append(FIX, part, partition=0)
            registry = CollectorRegistry()
            metrics = EnrichMetrics(registry)
            zones = ZoneSource(log, metrics, 10.0, lambda: 0.0)
            stage = EnrichStage(log, zones, metrics, 1.0, lambda: 0.0)
            consumer = await log.consumer("enrich", [FIX])
            await consumer.poll(0)
            await stage.gained(consumer, consumer.assigned())
            while batches := await consumer.poll(0):
                for each in batches:
                    await stage.handle(each)
            await stage.settle(consumer, final=True)
            await consumer.close()
            told.append(b"\n".join(each for each in _lines(registry) if b"_created" not in each))
    return {"log": storage._records, "metrics": told}


def _lines(registry: CollectorRegistry) -> list[bytes]:
    return generate_latest(registry).splitlines()


@given(st.lists(VALUES, max_size=30), st.sampled_from([1, 3, 100]))
@settings(PATIENT, max_examples=300)
def test_compiled_code_publishes_what_python_publishes(
    values: list[bytes | None], batch: int
) -> None:
    with enriching_by("compiled"):
        compiled = asyncio.run(published(values, batch))
    with enriching_by("python"):
        python = asyncio.run(published(values, batch))
    assert repr(compiled) == repr(python)
