"""Named points at which a service is killed or frozen: ``kill=POINT,N`` and ``freeze=POINT,N``.

N counts from 1 which time the process comes along there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from services.enrich.stage import EnrichStage
from services.ingest.publisher import Publisher
from services.log.base import ENRICHED, FIX, TALLY, ZONE_EVENT
from services.log.embedded_consumer import EmbeddedConsumer
from services.log.kafka import KafkaLog
from services.log.kafka_consumer import KafkaConsumer
from services.log.sqlite import SqliteLog
from services.runtime import loop
from services.store import writer
from tests.faults.patching import Act, at_call, freeze, kill, patch, put


def _publisher(after: bool) -> Callable[[int, Act], None]:
    def install(number: int, act: Act) -> None:
        at_call(
            Publisher,
            "_append",
            number,
            act,
            after=after,
            when=lambda _, topic, __: topic == TALLY,
        )

    return install


def _events(number: int, act: Act) -> None:
    for log in (SqliteLog, KafkaLog):
        at_call(
            log,
            "append",
            number,
            act,
            when=lambda _, topic, entries, **__: topic == ZONE_EVENT and bool(entries),
            delay_s=0.1,
        )


def _committed(topic: str) -> Callable[[int, Act], None]:
    def install(number: int, act: Act) -> None:
        for consumer in (EmbeddedConsumer, KafkaConsumer):
            at_call(
                consumer,
                "commit",
                number,
                act,
                after=True,
                when=lambda _, offsets: any(place.topic == topic for place in offsets),
            )

    return install


def put_step_by_step() -> None:
    """The store never uses its single statement, which has no seams."""

    async def never(*_: Any) -> None:
        return None

    put(writer, "store_at_once", never)


def _before_commit(number: int, act: Act) -> None:
    put_step_by_step()
    at_call(writer, "add_counts", number, act, after=True)


def _writing(number: int, act: Act) -> None:
    """The statement that brings all, or a part of it, is on its way, and no reply has come; or
    BEGIN, where keys are expected to be there already."""
    original, calls = writer.StoreWriter._write, count(1)

    async def write(self: Any, connection: Any, works: Any) -> None:
        writing = asyncio.ensure_future(original(self, connection, works))
        if next(calls) == number:
            await asyncio.sleep(0)
            act()
        await writing

    put(writer.StoreWriter, "_write", write)


POINTS: dict[str, Callable[[int, Act], None]] = {
    "ingest before publish": lambda n, act: at_call(Publisher, "_publish", n, act),
    "ingest between records and tally": _publisher(after=False),
    "ingest after publish before ack": _publisher(after=True),
    "enrich before outputs": lambda n, act: at_call(EnrichStage, "handle", n, act),
    "enrich between fixes and events": _events,
    "enrich between outputs and state": lambda n, act: at_call(EnrichStage, "_save", n, act),
    "enrich between state and commit": lambda n, act: at_call(
        EnrichStage, "_save", n, act, after=True
    ),
    "enrich after commit": _committed(FIX),
    "store before transaction": lambda n, act: at_call(writer.StoreWriter, "store", n, act),
    "store while it writes": _writing,
    "store before COMMIT": _before_commit,
    "store after COMMIT before offset commit": lambda n, act: at_call(
        writer.StoreWriter, "store", n, act, after=True
    ),
    "store after offset commit": _committed(ENRICHED),
}


def _install(argument: str, act: Act) -> None:
    point, _, number = argument.rpartition(",")
    POINTS[point](int(number), act)


@patch("kill")
def _kill(argument: str) -> None:
    _install(argument, kill)


@patch("freeze")
def _freeze(argument: str) -> None:
    _install(argument, freeze)


@patch("clock")
def _clock(argument: str) -> None:
    """The wall clock is wrong by so many seconds, ahead and behind in turn, each for a second."""
    amount = float(argument)
    right, right_ns, began = time.time, time.time_ns, time.monotonic()

    def error() -> float:
        return amount if int(time.monotonic() - began) % 2 else -amount

    time.time = lambda: right() + error()
    time.time_ns = lambda: right_ns() + int(error() * 1e9)


@patch("session")
def _session(argument: str) -> None:
    """Kafka's session timeout in seconds, so that a zombie is one sooner."""
    from services.log import kafka, kafka_connection

    shorter = kafka_connection.KafkaTimeouts()._replace(session=float(argument))
    original = kafka.KafkaLog.__init__

    def with_shorter(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **{"timeouts": shorter, **named})

    kafka.KafkaLog.__init__ = with_shorter  # type: ignore[method-assign]


@patch("poll")
def _poll(argument: str) -> None:
    """Longest wait of a poll in seconds."""
    put(loop, "POLL_S", float(argument))
