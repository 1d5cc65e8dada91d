"""Records out of aiokafka's consumer in one step.

aiokafka makes an iterator of a broker's answer, which makes an object of each record and another
around it. Here an answer's bytes become a list of ``Record`` in one call of compiled code, as long
as its batches are plain: not compressed, no transactions, no headers. Where one is not, the rest of
that answer is read aiokafka's own way, and so is all without the compiled code.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from itertools import repeat
from operator import attrgetter
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords

from services.log import compiled
from services.log.base import Record

_OFFSET_KEY_VALUE = attrgetter("offset", "key", "value")


class FetchedBytes(MemoryRecords):  # type: ignore[misc]
    """aiokafka's iterator over a broker's answer, which here can be asked for the bytes."""

    def __init__(self, fetched: bytes) -> None:
        super().__init__(fetched)
        self.fetched = fetched
        self.at = 0
        """Where the next batch begins."""


def give_records(inner: AIOKafkaConsumer) -> None:
    """From now on ``inner.getmany`` gives ``Record`` instead of aiokafka's records."""
    waiting = _Waiting()
    for partition, result in inner._fetcher._records.items():
        waiting[partition] = result
    inner._fetcher._records = waiting


class _Waiting(OrderedDict[KafkaPartition, Any]):
    """What a fetcher has got and its consumer has not taken yet."""

    def __setitem__(self, partition: KafkaPartition, result: Any) -> None:
        if isinstance(result, fetcher.FetchResult):  # The other kind is an error.
            result.getall = partial(take, result)
        super().__setitem__(partition, result)


def take(result: Any, most: int) -> list[Record]:
    """In place of ``FetchResult.getall``: at most so many of its records, from where its partition
    is read on; none if that partition is paused, sought or another's now."""
    if not result.check_assignment(result._topic_partition) or not result.has_more():
        return []
    rest = result._partition_records
    answer = rest._records
    if compiled.read_batches is not None and isinstance(answer, FetchedBytes):
        found = compiled.read_batches(answer.fetched, answer.at, rest.next_fetch_offset, most)
        if found is not None:
            records, answer.at, rest.next_fetch_offset = found
            result._update_position()
            if answer.at == len(answer.fetched):
                result._partition_records = None
                # Those that refer to one another would wait for the garbage collector, and with
                # them the answer's bytes.
                rest._records_iterator = None
                del result.getall
            return records
        # aiokafka has not begun to iterate: as it does, it takes what is here.
        rest._records = MemoryRecords(answer.fetched[answer.at :])
    others = fetcher.FetchResult.getall(result, most)
    return [*map(tuple.__new__, repeat(Record), map(_OFFSET_KEY_VALUE, others))]


# It is an iterator as before for every other consumer in this process.
fetcher.MemoryRecords = FetchedBytes
