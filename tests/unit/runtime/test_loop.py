"""The consume loop: every batch handled, outages waited out, partitions followed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection

import pytest
from prometheus_client import CollectorRegistry

from services.log.base import Batch, Consumer, Entry, LogUnavailableError, TopicPartition, TopicSpec
from services.log.embedded_consumer import EmbeddedConsumer
from services.log.memory import MemoryLog
from services.runtime import loop
from services.runtime.loop import SeekTo, run_stage
from services.runtime.metrics import LoopMetrics

TOPIC = "telematics.test.v1"


class Recorder:
    """A stage that keeps what it is given and stops the loop when it has enough."""

    passing: tuple[type[Exception], ...] = (ConnectionError,)

    def __init__(self, enough: int) -> None:
        self.values: list[bytes] = []
        self.failures: list[Exception] = []
        self.gains: list[set[TopicPartition]] = []
        self.losses: list[set[TopicPartition]] = []
        self.stopping = asyncio.Event()
        self._enough = enough
        self._next: dict[TopicPartition, int] = {}
        self.final = False

    async def gained(self, consumer: Consumer, partitions: Collection[TopicPartition]) -> None:
        self.gains.append(set(partitions))
        for partition, offset in (await consumer.committed()).items():
            consumer.seek(partition, offset)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        self.losses.append(set(partitions))

    async def handle(self, batch: Batch) -> None:
        if self.failures:
            raise self.failures.pop()
        self.values += [record.value or b"" for record in batch.records]
        self._next[batch.source] = batch.next_offset
        if len(self.values) >= self._enough:
            self.stopping.set()

    async def settle(self, consumer: Consumer, *, final: bool) -> None:
        self.final = final
        await consumer.commit(self._next)


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    async with MemoryLog() as log:
        await log.create_topics([TopicSpec(TOPIC, 2)])
        yield log


async def fill(log: MemoryLog, count: int) -> list[bytes]:
    values = [str(number).encode() for number in range(count)]
    for number, value in enumerate(values):
        await log.append(TOPIC, [Entry(None, value)], partition=number % 2)
    return values


async def run(log: MemoryLog, stage: Recorder) -> None:
    async with asyncio.timeout(10):
        await run_stage(
            log, "test", [TOPIC], stage, stage.stopping, LoopMetrics(CollectorRegistry())
        )


async def test_every_record_of_every_partition_is_handled_once(log: MemoryLog) -> None:
    values = await fill(log, 100)
    stage = Recorder(100)
    await run(log, stage)
    assert sorted(stage.values) == sorted(values)
    assert stage.final


async def test_the_next_member_goes_on_where_the_last_one_settled(log: MemoryLog) -> None:
    await fill(log, 10)
    await run(log, Recorder(10))
    await log.append(TOPIC, [Entry(None, b"new")], partition=0)
    stage = Recorder(1)
    await run(log, stage)
    assert stage.values == [b"new"]


@pytest.mark.parametrize("failure", [ConnectionError("down"), LogUnavailableError("away")])
async def test_a_passing_failure_repeats_the_batch(log: MemoryLog, failure: Exception) -> None:
    values = await fill(log, 4)
    stage = Recorder(4)
    stage.failures = [failure]
    await run(log, stage)
    assert sorted(stage.values) == sorted(values)


async def test_any_other_failure_ends_the_loop(log: MemoryLog) -> None:
    await fill(log, 4)
    stage = Recorder(4)
    stage.failures = [ValueError("a bug")]
    with pytest.raises(ValueError, match="a bug"):
        await run(log, stage)


async def test_a_stage_that_asks_for_another_offset_gets_it(log: MemoryLog) -> None:
    await log.append(TOPIC, [Entry(None, b"a"), Entry(None, b"b")], partition=0)
    stage = Recorder(2)
    stage.failures = [SeekTo(TopicPartition(TOPIC, 0), 0)]
    await run(log, stage)
    assert stage.values == [b"a", b"b"]


async def test_a_second_member_makes_the_stage_take_over_anew(log: MemoryLog) -> None:
    stage = Recorder(1)
    running = asyncio.create_task(run(log, stage))
    while not stage.gains:  # noqa: ASYNC110
        await asyncio.sleep(0)
    other = await log.consumer("test", [TOPIC])
    while len(stage.gains) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert [len(gained) for gained in stage.gains] == [2, 1]
    # Also what went to the other: it must neither be saved nor committed here any more.
    assert [len(lost) for lost in stage.losses] == [2, 2]
    await other.close()
    await fill(log, 2)
    await running


async def test_an_outage_while_the_lag_is_asked_for_does_not_end_the_loop(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def away(_: object) -> dict[TopicPartition, int]:
        nonlocal asked
        asked += 1
        raise LogUnavailableError("away")

    monkeypatch.setattr(loop, "LAG_EVERY_S", 0.0)
    monkeypatch.setattr(EmbeddedConsumer, "lag", away)
    values = await fill(log, 4)
    stage = Recorder(4)
    await run(log, stage)
    assert sorted(stage.values) == sorted(values)
    assert asked


async def test_a_stop_in_an_outage_leaves_the_batch_for_the_next_start(log: MemoryLog) -> None:
    values = await fill(log, 1)

    class Stuck(Recorder):
        async def handle(self, batch: Batch) -> None:
            self.stopping.set()
            raise ConnectionError("down")

    stuck = Stuck(1)
    await run(log, stuck)
    assert stuck.final
    stage = Recorder(1)
    await run(log, stage)
    assert stage.values == values


async def test_a_stop_while_state_cannot_be_loaded_ends_the_loop(log: MemoryLog) -> None:
    class Stuck(Recorder):
        async def gained(self, consumer: Consumer, partitions: Collection[TopicPartition]) -> None:
            self.stopping.set()
            raise ConnectionError("down")

    stuck = Stuck(1)
    await run(log, stuck)
    assert stuck.values == []


class Watched:
    """The metrics of a loop at work."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = LoopMetrics(self.registry)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, {"service": "test", **labels})

    async def run(self, log: MemoryLog, stage: Recorder) -> None:
        async with asyncio.timeout(10):
            await run_stage(log, "test", [TOPIC], stage, stage.stopping, self.metrics)


async def test_retries_are_counted_by_what_was_away(log: MemoryLog) -> None:
    await fill(log, 4)
    watched, stage = Watched(), Recorder(4)
    stage.failures = [LogUnavailableError("away"), ConnectionError("down"), ConnectionError("down")]
    await watched.run(log, stage)
    assert watched.value("dipper_retries_total", of="log") == 1
    assert watched.value("dipper_retries_total", of="database") == 2


async def test_what_was_never_away_shows_as_no_retries(log: MemoryLog) -> None:
    await fill(log, 1)
    watched = Watched()
    await watched.run(log, Recorder(1))
    assert watched.value("dipper_retries_total", of="log") == 0
    assert watched.value("dipper_retries_total", of="database") == 0


async def test_the_lag_grows_while_a_batch_takes_its_time(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an outage of the database: that is when somebody looks at the lag."""
    monkeypatch.setattr(loop, "LAG_EVERY_S", 0.0)
    watched = Watched()

    class Slow(Recorder):
        async def handle(self, batch: Batch) -> None:
            await fill(log, 6)
            async with asyncio.timeout(5):
                while watched.value("dipper_lag_records", topic=TOPIC) != 6:  # noqa: ASYNC110
                    await asyncio.sleep(0)
            await super().handle(batch)
            self.stopping.set()

    await log.append(TOPIC, [Entry(None, b"first")], partition=0)
    stage = Slow(1)
    await watched.run(log, stage)
    assert stage.values == [b"first"]


async def test_a_batch_that_is_cancelled_while_the_lag_is_told_ends_with_the_loop(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LAG_EVERY_S", 0.0)
    began, ended = asyncio.Event(), asyncio.Event()

    class Stuck(Recorder):
        async def handle(self, batch: Batch) -> None:
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

    await fill(log, 1)
    running = asyncio.create_task(run(log, Stuck(1)))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()


async def test_partitions_that_went_to_another_member_are_no_lag_of_this_one(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LAG_EVERY_S", 0.0)
    lags = iter([{TopicPartition(TOPIC, 0): 7}, {}])
    watched, stage = Watched(), Recorder(2)

    async def lag(_: object) -> dict[TopicPartition, int]:
        found = next(lags, None)
        if found is None:
            stage.stopping.set()
        elif found:
            told.append(watched.value("dipper_lag_records", topic=TOPIC))
        return found or {}

    told: list[float | None] = []
    monkeypatch.setattr(EmbeddedConsumer, "lag", lag)
    await watched.run(log, stage)
    assert told == [None]
    assert watched.value("dipper_lag_records", topic=TOPIC) == 0
