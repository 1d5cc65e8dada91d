"""Entries as one of Kafka's record batches, which aiokafka's producer sends."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from services.log import compiled
from services.log.base import Entry

BATCH_BYTES = 512 << 10
"""Half of what a broker takes by default (message.max.bytes)."""


class PackedBatch(BatchBuilder):  # type: ignore[misc]
    """A batch that came whole from ``compiled.pack_batch``: aiokafka's builder, closed and built.

    aiokafka sets the producer's state when it takes the batch to send it, and sends the same bytes
    again should it have to try again.
    """

    def __init__(self, batch: bytearray, count: int) -> None:
        # In place of the builder's own: there is nothing to build.
        self._buffer = batch
        self._relative_offset = count
        self._closed = True

    def _set_producer_state(
        self, producer_id: int, producer_epoch: int, base_sequence: int
    ) -> None:
        assert compiled.seal_batch is not None
        compiled.seal_batch(self._buffer, producer_id, producer_epoch, base_sequence)


def fill_batch(
    producer: AIOKafkaProducer, entries: Sequence[Entry], start: int, now_ms: int
) -> BatchBuilder:
    """A batch of BATCH_BYTES at most, but one entry at least, from ``entries[start]`` on; how many
    it holds its ``record_count()`` tells."""
    if compiled.pack_batch is not None:
        packed = compiled.pack_batch(entries, start, now_ms, BATCH_BYTES)
        if packed is not None:
            return PackedBatch(*packed)
    batch = producer.create_batch()
    for key, value in entries[start:]:
        if batch.append(key=key, value=value, timestamp=now_ms) is None:
            break
    return batch
