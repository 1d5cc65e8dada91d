"""Deliveries to the log in rounds: order, outages, what receipts hear, and the tally."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, NamedTuple

import pytest
from prometheus_client import CollectorRegistry

from services.ingest import publisher as publisher_module
from services.ingest.metrics import IngestMetrics
from services.ingest.publisher import Publisher
from services.ingest.session import Session
from services.ingest.settings import IngestSettings, SessionSettings
from services.log.base import FIX, MESSAGE, REJECT, TALLY, LogError
from services.nmea.terminal import Outcomes
from services.runtime import backoff
from tests.unit.ingest.lines import AIS, stream
from tests.unit.ingest.logs import TroubledLog, away, fixes, last_tally, rejects, troubled_log

NOW_US = 1_750_161_600_000_000
PATIENCE_S = 20.0


class Hearing:
    """A receipt that remembers."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int, int]] = []

    def published(self, deliveries: int, durable: int, size: int) -> None:
        self.heard.append((deliveries, durable, size))


class Delivery(NamedTuple):
    """The arguments of ``Publisher.put``."""

    receipt: Hearing
    durable: int
    out: Outcomes
    read: int
    pending: int

    @property
    def records(self) -> int:
        return len(self.out.fixes) + len(self.out.messages) + len(self.out.rejects)


def delivery(receipt: Hearing, terminal: str = "TRUCK-1", seconds: int = 2) -> Delivery:
    """What a short stream of one terminal gives, with one bad line."""
    session = Session(SessionSettings(default_terminal=terminal), "run")
    out = session.receive(stream(seconds) + b"noise\n", NOW_US)
    return Delivery(receipt, session.lines_received, out, session.lines_read, session.lines_pending)


def strangers() -> Delivery:
    """Lines without a terminal, whose rejects have no key, and a message."""
    nobody = Session(SessionSettings(), "run")
    out = nobody.receive(b"who is this\n", NOW_US)
    session = Session(SessionSettings(default_terminal="SHIP-1"), "run")
    heard = session.receive(AIS, NOW_US)
    out.messages += heard.messages
    out.lines_used += heard.lines_used
    return Delivery(Hearing(), 2, out, 2, 0)


def times_of_day(seconds: int) -> list[int | None]:
    """The times of the fixes in such a delivery."""
    session = Session(SessionSettings(default_terminal="TRUCK-1"), "run")
    return [fix.time_of_day_us for fix in session.receive(stream(seconds), NOW_US).fixes]


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 0.001)


@asynccontextmanager
async def publisher(
    log: TroubledLog, settings: IngestSettings | None = None
) -> AsyncIterator[tuple[Publisher, CollectorRegistry]]:
    """A publisher that runs, and is closed and drained at the end."""
    registry = CollectorRegistry()
    made = Publisher(settings or IngestSettings(linger_s=0.0), log, IngestMetrics(registry), "run")
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(made.run())
        yield made, registry
        log.open_gate.set()
        made.close()


async def test_a_receipt_hears_nothing_before_the_log_has_all() -> None:
    async with troubled_log() as log:
        log.open_gate.clear()
        receipt = Hearing()
        sent = delivery(receipt)
        async with publisher(log) as (made, _):
            size = made.put(*sent)
            await log.asked.wait()
            assert receipt.heard == []
            assert made.waiting_bytes == size
        assert receipt.heard == [(1, sent.durable, size)]
        assert made.waiting_bytes == 0


async def test_the_tally_is_written_last_so_that_receipts_follow_the_ledger() -> None:
    async with troubled_log() as log:
        async with publisher(log) as (made, _):
            made.put(*delivery(Hearing()))
        topics = [topic for topic, _ in log.appends]
        assert set(topics[:-2]) == {FIX, REJECT}
        assert topics[-2:] == [TALLY, TALLY]


async def test_what_gathers_during_an_append_goes_in_one_round() -> None:
    async with troubled_log() as log:
        log.open_gate.clear()
        receipt = Hearing()
        async with publisher(log) as (made, _):
            made.put(*delivery(receipt))
            await log.asked.wait()
            for _ in range(10):
                made.put(*delivery(receipt))
        assert [deliveries for deliveries, _, _ in receipt.heard] == [1, 10]


async def test_a_round_ends_at_its_limit_of_records() -> None:
    async with troubled_log() as log:
        receipt = Hearing()
        one = delivery(receipt)
        settings = IngestSettings(linger_s=0.0, max_round_records=2 * one.records)
        async with publisher(log, settings) as (made, _):
            for _ in range(5):
                made.put(*one)
        assert [deliveries for deliveries, _, _ in receipt.heard] == [2, 2, 1]


async def test_an_outage_loses_nothing_and_keeps_the_order() -> None:
    async with troubled_log() as log:
        log.failures = away(9)
        async with publisher(log) as (made, registry):
            for seconds in range(2, 12):
                made.put(*delivery(Hearing(), "TRUCK-1", seconds))
                await asyncio.sleep(0)
        sent = [time for seconds in range(2, 12) for time in times_of_day(seconds)]
        assert [fix.time_of_day_us for fix in await fixes(log)] == sent
        assert len(await rejects(log)) == 10
        assert registry.get_sample_value("dipper_publish_retries_total") == 9


async def test_a_lost_reply_repeats_records_but_counts_them_once() -> None:
    async with troubled_log() as log:
        log.failures, log.failing_writes = away(1), True
        sent = delivery(Hearing())
        async with publisher(log) as (made, _):
            made.put(*sent)
        written = await fixes(log)
        assert len(written) in (2 * len(sent.out.fixes), len(sent.out.fixes))
        assert len(written) + len(await rejects(log)) > sent.records
        tally = await last_tally(log, "run")
        assert tally.fixes_published == len(sent.out.fixes)
        assert max(tally.fix_offsets.values()) == len(written)
        more = sum(fix.lines for fix in written) + len(await rejects(log))
        assert tally.lines_repeated == more - tally.lines_used - 1 > 0


async def test_the_tally_sums_up_and_balances() -> None:
    async with troubled_log() as log:
        async with publisher(log) as (made, _):
            for number in range(3):
                made.put(*delivery(Hearing(), f"TRUCK-{number}", seconds=5))
        tally = await last_tally(log, "run")
        assert tally.lines_read == 3 * 11
        assert tally.lines_rejected == {"not_nmea": 3}
        assert tally.lines_read - tally.lines_pending == tally.lines_used + 3
        published = await fixes(log)
        assert tally.fixes_published == len(published)
        assert tally.lines_used == sum(fix.lines for fix in published)
        assert sum(tally.fix_offsets.values()) == len(published)


async def test_the_tally_tells_up_to_where_each_topic_was_written() -> None:
    async with troubled_log() as log:
        async with publisher(log) as (made, _):
            for number in range(5):
                made.put(*delivery(Hearing(), f"TRUCK-{number}"))
                made.put(*strangers())
        tally = await last_tally(log, "run")
        for topic, told in (
            (FIX, tally.fix_offsets),
            (MESSAGE, tally.message_offsets),
            (REJECT, tally.reject_offsets),
        ):
            ends = await log.end_offsets(topic)
            assert told == {partition: end for partition, end in ends.items() if end}
        assert sum(tally.reject_offsets.values()) == 5 + 5
        assert sum(tally.message_offsets.values()) == tally.messages_published == 5
        assert tally.lines_repeated == 0


async def test_the_last_tally_of_a_clean_stop_is_final() -> None:
    async with troubled_log() as log:
        async with publisher(log) as (made, _):
            made.put(*delivery(Hearing()))
            await log.written(TALLY, 1)
            alive = await last_tally(log, "run")
        assert not alive.final
        final = await last_tally(log, "run")
        assert final == alive._replace(sequence=alive.sequence + 1, final=True)


async def test_a_run_that_read_nothing_says_so() -> None:
    async with troubled_log() as log:
        async with publisher(log):
            pass
        tally = await last_tally(log, "run")
        assert (tally.final, tally.lines_read, tally.sequence) == (True, 0, 1)


async def test_without_a_clean_stop_no_tally_is_final() -> None:
    async with troubled_log() as log:
        made = Publisher(IngestSettings(), log, IngestMetrics(CollectorRegistry()), "run")
        running = asyncio.create_task(made.run())
        made.put(*delivery(Hearing()))
        await log.written(TALLY, 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert not (await last_tally(log, "run")).final


@pytest.mark.parametrize(("backend", "repeated"), [("sqlite", False), ("kafka", True)])
async def test_a_slow_append_to_kafka_may_have_been_sent_twice(
    monkeypatch: pytest.MonkeyPatch, backend: Literal["sqlite", "kafka"], repeated: bool
) -> None:
    monkeypatch.setattr(publisher_module, "RESEND_PAUSE_S", 1e-9)
    async with troubled_log() as log:
        log.backend = backend
        async with publisher(log) as (made, _):
            made.put(*delivery(Hearing()))
        assert ((await last_tally(log, "run")).lines_repeated > 0) is repeated


async def test_where_the_log_cannot_tell_an_offset_the_end_of_the_topic_counts() -> None:
    async with troubled_log() as log:
        log.forgets_offsets = True
        async with publisher(log) as (made, _):
            made.put(*delivery(Hearing()))
        tally = await last_tally(log, "run")
        ends = {partition: end for partition, end in (await log.end_offsets(FIX)).items() if end}
        assert tally.fix_offsets == ends


async def test_an_error_that_no_retry_mends_ends_the_publisher() -> None:
    async with troubled_log() as log:
        log.failures = [LogError("the disk is full")] * 3
        made = Publisher(IngestSettings(), log, IngestMetrics(CollectorRegistry()), "run")
        receipt = Hearing()
        made.put(*delivery(receipt))
        with pytest.raises(LogError, match="disk is full"):
            await made.run()
        assert receipt.heard == []


async def test_metrics_count_what_is_durable() -> None:
    async with troubled_log() as log:
        sent = delivery(Hearing(), seconds=4)
        async with publisher(log) as (made, registry):
            made.put(*sent)
        assert registry.get_sample_value("dipper_fixes_published_total") == len(sent.out.fixes)
        assert registry.get_sample_value("dipper_lines_read_total") == 9
        assert registry.get_sample_value("dipper_rejects_total", {"reason": "not_nmea"}) == 1
        assert registry.get_sample_value("dipper_publish_batch_records_sum") == sent.records
        assert registry.get_sample_value("dipper_publish_seconds_count") == 1
        assert registry.get_sample_value("dipper_receive_buffer_bytes") == 0
