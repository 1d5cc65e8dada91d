"""The list of terminals follows its topic while ingest runs."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from services.ingest.metrics import IngestMetrics
from services.ingest.registry import Registry
from services.ingest.terminal_source import TerminalSource
from services.log.base import TERMINAL, Entry, TopicSpec
from services.log.memory import MemoryLog
from services.runtime import backoff
from services.terminals.records import Terminal, encode_terminal
from tests.unit.ingest.logs import TroubledLog, away


class Bench:
    """A source on a log in memory."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.registry = Registry()
        self.samples = CollectorRegistry()
        self.changes = 0
        self.source = TerminalSource(log, self.registry, IngestMetrics(self.samples), 0.001)
        self.source.changed = self._changed
        self.news = asyncio.Event()

    def _changed(self) -> None:
        self.changes += 1
        self.news.set()

    async def write(self, *entries: Entry) -> None:
        await self.log.append(TERMINAL, entries)

    def knows(self, terminal: str) -> bool:
        return self.registry.claim(terminal).accepted


def entry(name: str) -> Entry:
    return Entry(name.encode(), encode_terminal(Terminal(name)))


@pytest.fixture
async def log() -> TroubledLog:
    opened = TroubledLog()
    await opened.__aenter__()
    await opened.create_topics([TopicSpec(TERMINAL, 1, compacted=True)])
    return opened


async def test_a_topic_that_never_held_anything_is_no_list(log: TroubledLog) -> None:
    bench = Bench(log)
    await bench.source.start()
    assert bench.knows("ANY-1")
    assert bench.changes == 0


async def test_the_list_is_there_after_the_start(log: TroubledLog) -> None:
    bench = Bench(log)
    await bench.write(entry("TRUCK-1"))
    await bench.source.start()
    assert bench.knows("TRUCK-1")
    assert not bench.knows("ANY-1")
    assert bench.samples.get_sample_value("dipper_terminals_listed") == 1


async def test_a_change_is_taken_over_while_it_runs(log: TroubledLog) -> None:
    bench = Bench(log)
    await bench.source.start()
    running = asyncio.create_task(bench.source.run())
    await bench.write(entry("TRUCK-1"))
    await asyncio.wait_for(bench.news.wait(), 30)
    assert bench.knows("TRUCK-1")
    assert not bench.knows("ANY-1")
    running.cancel()


async def test_when_all_are_taken_off_nobody_is_known(log: TroubledLog) -> None:
    bench = Bench(log)
    await bench.write(entry("TRUCK-1"), Entry(b"TRUCK-1", None))
    await bench.source.start()
    assert not bench.knows("TRUCK-1")
    assert not bench.knows("ANY-1")


async def test_nothing_new_is_not_read_again(log: TroubledLog) -> None:
    bench = Bench(log)
    await bench.write(entry("TRUCK-1"))
    for _ in range(3):
        await bench.source.refresh()
    assert bench.changes == 1


async def test_a_record_that_can_not_be_read_lets_nobody_in_and_keeps_nobody_out(
    log: TroubledLog, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(log)
    await bench.write(Entry(b"TRUCK-\n1", b"{}"), entry("TRUCK-2"))
    await bench.source.start()
    assert bench.knows("TRUCK-2")
    assert not bench.knows("TRUCK-1")
    assert r"b'TRUCK-\n1' can't be read" in caplog.text


async def test_a_log_that_is_away_at_the_start_is_waited_for(
    log: TroubledLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 0.001)
    bench = Bench(log)
    await bench.write(entry("TRUCK-1"))
    failures, real = away(3), log.end_offsets

    async def troubled(topic: str) -> object:
        if failures:
            raise failures.pop()
        return await real(topic)

    monkeypatch.setattr(log, "end_offsets", troubled)
    await bench.source.start()
    assert not failures
    assert bench.knows("TRUCK-1")
