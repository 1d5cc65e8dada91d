"""Records out of aiokafka's consumer."""

from __future__ import annotations

import gc
import weakref
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka import errors
from aiokafka.consumer import fetcher
from aiokafka.producer.message_accumulator import BatchBuilder

from services.log import compiled
from services.log.base import Record
from services.log.kafka_fetch import give_records

EARLY, LATE, FAILED = (KafkaPartition("t", number) for number in range(3))


class Position:
    """A partition's assignment and state in one."""

    active, paused, position = True, False, 0

    def state_value(self, partition: object) -> Position:
        return self

    def consumed_to(self, position: int) -> None:
        self.position = position


def fetched(partition: KafkaPartition) -> Any:
    """An answer of two records, as aiokafka's fetcher keeps it."""
    builder = BatchBuilder(1 << 20, 0)
    for value in (b"1", b"2"):
        builder.append(key=b"k", value=value, timestamp=1)
    # By the fetcher's own name for it, as the fetcher makes it.
    answer = fetcher.MemoryRecords(bytes(builder._build()))
    rest = fetcher.PartitionRecords(partition, answer, None, 0, None, None, True, 0)
    return fetcher.FetchResult(
        partition, assignment=Position(), partition_records=rest, backoff=0.1
    )


@pytest.fixture(params=["python", "compiled"])
def waiting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a consumer's fetcher has got: one before it gives records, and two after."""
    if request.param == "python":
        monkeypatch.setattr(compiled, "read_batches", None)
    inner: Any = SimpleNamespace(
        _fetcher=SimpleNamespace(_records=OrderedDict({EARLY: fetched(EARLY)}))
    )
    give_records(inner)
    waiting = inner._fetcher._records
    waiting[LATE] = fetched(LATE)
    waiting[FAILED] = fetcher.FetchError(error=errors.UnknownError(), backoff=0.1)
    return waiting


def test_what_was_there_and_what_comes_is_given_as_records(waiting: Any) -> None:
    for partition in (EARLY, LATE):
        result = waiting[partition]
        assert type(result) is fetcher.FetchResult
        (first,) = result.getall(1)
        assert type(first) is Record
        assert result._assignment.position == 1
        assert [first, *result.getall(9)] == [Record(0, b"k", b"1"), Record(1, b"k", b"2")]
        assert not result.has_more()
        assert result._assignment.position == 2


def test_errors_pass(waiting: Any) -> None:
    with pytest.raises(errors.UnknownError):
        waiting[FAILED].check_raise()


def test_what_was_read_needs_no_garbage_collector(waiting: Any) -> None:
    if compiled.read_batches is None:
        pytest.skip("aiokafka's own iterator is what it is")
    rest = waiting[LATE]._partition_records
    gone = [weakref.ref(each) for each in (waiting[LATE], rest, rest._records)]
    del rest
    gc.disable()
    try:
        waiting.pop(LATE).getall(9)
        assert [each() for each in gone] == [None, None, None]
    finally:
        gc.enable()
