"""What enrich tells the store of fixes that the log deleted before it read them."""

from __future__ import annotations

from services.codec import decode_dead_letter
from services.enrich.stage import EnrichStage
from services.log.base import DELETED_UNREAD, ENRICHED, FIX, Batch, TopicPartition
from services.model import Source
from tests.unit.enrich.test_stage import World, run_batches, track, world

__all__ = ["world"]


async def _gap(stage: EnrichStage, first: int, following: int) -> None:
    await stage.handle(Batch(TopicPartition(FIX, 0), (), following, following - first))


async def test_a_gap_is_one_dead_letter_at_its_last_place(world: World) -> None:
    stage, consumer = await world.start()
    await _gap(stage, 2, 7)
    (value,) = await world.everything(ENRICHED)
    letter = decode_dead_letter(value)
    assert letter.reason == DELETED_UNREAD
    assert letter.source == Source(0, 6)
    assert letter.value == b"the log has deleted 2 to 6 of telematics.fix.v1/0"
    await stage.settle(consumer, final=True)
    assert await consumer.committed() == {TopicPartition(FIX, 0): 7}


async def test_what_comes_after_a_gap_is_enriched_as_ever(world: World) -> None:
    stage, consumer = await world.start()
    await _gap(stage, 0, 1)
    await world.publish(track(120.99, 121.05))
    await run_batches(stage, consumer)
    assert [event.kind for event in await world.events()] == ["enter"]
