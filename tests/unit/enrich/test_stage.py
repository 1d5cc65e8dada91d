"""The enrich service on the in-memory log: outputs, state and offsets across crashes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry

from services.codec import (
    decode_dead_letter,
    decode_enriched,
    decode_zone_event,
    decode_zone_state,
    encode_fix,
)
from services.enrich.metrics import EnrichMetrics
from services.enrich.stage import EnrichStage
from services.enrich.zone_source import ZoneSource
from services.log.base import (
    ENRICHED,
    FIX,
    ZONE,
    ZONE_EVENT,
    ZONE_STATE,
    Batch,
    Consumer,
    Entry,
    LogUnavailableError,
    TopicPartition,
    TopicSpec,
)
from services.log.memory import MemoryLog
from services.model import EnrichedFix, Fix, Source, ZoneEvent, ZoneState
from services.zones.geojson import load_zones
from services.zones.records import encode_zone
from tests.values import NOON_US, make_fix

SQUARE = b"""{"type": "FeatureCollection", "features": [{"type": "Feature", "id": "harbour",
 "properties": {}, "geometry": {"type": "Polygon", "coordinates":
 [[[121, 28], [121.1, 28], [121.1, 28.1], [121, 28.1], [121, 28]]]}}]}"""
PLACE = TopicPartition(FIX, 0)


def track(*lons: float, start_us: int = NOON_US) -> list[Fix]:
    """Fixes a second apart on the harbour's middle latitude."""
    return [
        make_fix(time_us=start_us + number * 1_000_000, lat=28.05, lon=lon)
        for number, lon in enumerate(lons)
    ]


class World:
    """A log with a harbour zone, and as many lives of the enrich service as a test wants."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.now = 0.0
        self._member: Consumer | None = None

    async def publish(self, fixes: Sequence[Fix]) -> None:
        await self.log.append(
            FIX, [Entry(fix.terminal.encode(), encode_fix(fix)) for fix in fixes], partition=0
        )

    async def start(self) -> tuple[EnrichStage, Consumer]:
        """A new life of the service; the one before ends without a word."""
        if self._member is not None:
            await self._member.close()
        metrics = EnrichMetrics(CollectorRegistry())
        zones = ZoneSource(self.log, metrics, 10.0, lambda: self.now)
        stage = EnrichStage(self.log, zones, metrics, 1.0, lambda: self.now)
        consumer = await self.log.consumer("enrich", [FIX])
        self._member = consumer
        await consumer.poll(0)
        await stage.gained(consumer, consumer.assigned())
        return stage, consumer

    async def everything(self, topic: str) -> list[bytes]:
        reader = await self.log.consumer(f"test-{topic}-{self.now}", [topic])
        await reader.poll(0)
        values: list[bytes] = []
        while batches := await reader.poll(0):
            values += [record.value or b"" for batch in batches for record in batch.records]
            for batch in batches:
                await reader.commit({batch.source: batch.next_offset})
        await reader.close()
        return values

    async def enriched(self) -> list[EnrichedFix]:
        return [decode_enriched(value) for value in await self.everything(ENRICHED)]

    async def events(self) -> list[ZoneEvent]:
        return [decode_zone_event(value) for value in await self.everything(ZONE_EVENT)]

    async def states(self) -> dict[bytes, ZoneState]:
        records = await self.log.read_compacted(ZONE_STATE)
        return {key: decode_zone_state(value) for key, value in records.items()}


@pytest.fixture
async def world():
    async with MemoryLog() as log:
        await log.create_topics(
            [
                TopicSpec(FIX, 1),
                TopicSpec(ENRICHED, 1),
                TopicSpec(ZONE_EVENT, 1),
                TopicSpec(ZONE_STATE, 1, compacted=True),
                TopicSpec(ZONE, 1, compacted=True),
            ]
        )
        zones = load_zones(SQUARE, "test")
        await log.append(ZONE, [Entry(zone.id.encode(), encode_zone(zone)) for zone in zones])
        yield World(log)


async def run_batches(stage: EnrichStage, consumer: Consumer) -> None:
    while batches := await consumer.poll(0):
        for batch in batches:
            await stage.handle(batch)


async def test_a_track_through_a_zone_gives_membership_one_enter_and_one_exit(world: World) -> None:
    await world.publish(track(120.99, 121.05, 121.06, 121.2))
    await run_batches(*await world.start())
    enriched = await world.enriched()
    assert [fix.zones for fix in enriched] == [(), ("harbour",), ("harbour",), ()]
    assert [fix.source for fix in enriched] == [Source(0, offset) for offset in range(4)]
    assert [(event.kind, event.time_us) for event in await world.events()] == [
        ("enter", NOON_US + 1_000_000),
        ("exit", NOON_US + 3_000_000),
    ]


async def test_a_late_fix_is_marked_and_moves_nothing(world: World) -> None:
    fixes = track(121.05, 121.06)
    await world.publish([*fixes, *track(120.0, start_us=NOON_US - 9_000_000)])
    await run_batches(*await world.start())
    assert [fix.late for fix in await world.enriched()] == [False, False, True]
    assert [event.kind for event in await world.events()] == ["enter"]


async def test_a_crash_before_the_checkpoint_repeats_the_same_records(world: World) -> None:
    await world.publish(track(120.99, 121.05, 121.2))
    await run_batches(*await world.start())
    first_life = await world.events()
    world.now = 1.0
    await run_batches(*await world.start())
    events = await world.events()
    assert events == [*first_life, *first_life]
    assert len({event.id for event in events}) == 2


async def test_a_restart_after_a_checkpoint_goes_on_inside_the_zone(world: World) -> None:
    await world.publish(track(121.05))
    stage, consumer = await world.start()
    await run_batches(stage, consumer)
    await stage.settle(consumer, final=True)
    await world.publish(track(121.06, 121.2, start_us=NOON_US + 5_000_000))
    await run_batches(*await world.start())
    assert [event.kind for event in await world.events()] == ["enter", "exit"]
    assert len(await world.enriched()) == 3


async def test_a_crash_between_state_and_commit_publishes_nothing_twice(world: World) -> None:
    await world.publish(track(121.05, 121.2))
    stage, consumer = await world.start()
    await run_batches(stage, consumer)

    class CommitNeverArrives:
        async def commit(self, offsets: object) -> None:
            raise LogUnavailableError("killed here")

    with pytest.raises(LogUnavailableError):
        await stage.settle(CommitNeverArrives(), final=True)  # type: ignore[arg-type]
    await world.publish(track(121.05, start_us=NOON_US + 9_000_000))
    await run_batches(*await world.start())
    assert len(await world.enriched()) == 3
    assert [event.kind for event in await world.events()] == ["enter", "exit", "enter"]


async def test_a_checkpoint_waits_for_its_interval(world: World) -> None:
    await world.publish(track(121.05))
    stage, consumer = await world.start()
    await run_batches(stage, consumer)
    await stage.settle(consumer, final=False)
    assert await world.states() == {}
    world.now = 1.0
    await stage.settle(consumer, final=False)
    assert [state.inside.keys() for state in (await world.states()).values()] == [{"harbour"}]
    assert (await consumer.committed())[PLACE] == 1


async def test_a_successor_replaces_the_keys_of_its_predecessor(world: World) -> None:
    await world.publish(track(121.05))
    stage, consumer = await world.start()
    await run_batches(stage, consumer)
    await stage.settle(consumer, final=True)
    before = await world.states()
    await world.publish(track(121.2, start_us=NOON_US + 5_000_000))
    stage, consumer = await world.start()
    await run_batches(stage, consumer)
    await stage.settle(consumer, final=True)
    after = await world.states()
    assert len(before) == len(after) == 1
    assert before.keys() != after.keys()


async def test_a_zombie_that_saves_its_state_late_does_not_win(world: World) -> None:
    await world.publish(track(121.05))
    zombie, reader = await world.start()
    await run_batches(zombie, reader)
    await world.publish(track(121.2, start_us=NOON_US + 5_000_000))
    stage, consumer = await world.start()
    await run_batches(stage, consumer)
    await stage.settle(consumer, final=True)

    class Gone:
        async def commit(self, offsets: object) -> None:
            raise LogUnavailableError("no longer a member")

    with pytest.raises(LogUnavailableError):
        await zombie.settle(Gone(), final=True)  # type: ignore[arg-type]
    await world.publish(track(121.3, start_us=NOON_US + 9_000_000))
    await run_batches(*await world.start())
    kinds = [event.kind for event in await world.events()]
    assert kinds.count("exit") == 1


async def test_a_record_that_is_no_fix_becomes_a_dead_letter_in_its_place(world: World) -> None:
    await world.publish(track(121.05))
    await world.log.append(FIX, [Entry(b"X", b"not json")], partition=0)
    await world.publish(track(121.06, start_us=NOON_US + 5_000_000))
    await run_batches(*await world.start())
    values = await world.everything(ENRICHED)
    assert decode_dead_letter(values[1]).source == Source(0, 1)
    assert decode_dead_letter(values[1]).value == b"not json"
    assert decode_enriched(values[2]).source == Source(0, 2)


async def test_a_failed_append_is_repeated_with_the_same_events(world: World) -> None:
    await world.publish(track(121.05))
    stage, consumer = await world.start()
    (batch,) = await consumer.poll(0)
    failing = FailsOnce(world.log)
    stage._log = failing  # type: ignore[assignment]
    with pytest.raises(LogUnavailableError):
        await stage.handle(batch)
    await stage.handle(batch)
    assert {event.kind for event in await world.events()} == {"enter"}


class FailsOnce:
    """A log whose first append of zone events fails."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._failed = False

    async def append(self, topic: str, entries: Sequence[Entry], *, partition: int | None = None):
        if topic == ZONE_EVENT and not self._failed:
            self._failed = True
            raise LogUnavailableError("try again")
        return await self._log.append(topic, entries, partition=partition)


async def test_batch_sizes_do_not_show_in_the_output(world: World) -> None:
    await world.publish(track(120.99, 121.05, 121.2, 121.06, 121.07))
    stage, consumer = await world.start()
    (batch,) = await consumer.poll(0)
    for record in batch.records:
        await stage.handle(Batch(batch.source, [record], record.offset + 1))
    one_by_one = await world.enriched(), await world.events()
    world.now = 1.0
    await run_batches(*await world.start())
    enriched, events = await world.enriched(), await world.events()
    assert enriched == one_by_one[0] * 2
    assert events == one_by_one[1] * 2
