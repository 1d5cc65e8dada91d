"""The socket's side of a connection, with a transport that only remembers."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from services.ingest.connection import Connection
from services.ingest.intake import Intake
from services.ingest.metrics import IngestMetrics
from services.ingest.publisher import Publisher
from services.ingest.settings import IngestSettings, SessionSettings
from services.log.memory import MemoryLog
from tests.unit.ingest.bench import FakeTransport
from tests.unit.ingest.lines import ACK_ON, gga, login, rmc, stream

SESSION = SessionSettings(default_terminal="TRUCK-1")


class Bench:
    """An intake whose publisher does nothing until told: what was put stays waiting."""

    def __init__(self, settings: IngestSettings) -> None:
        self.registry = CollectorRegistry()
        metrics = IngestMetrics(self.registry)
        self.publisher = Publisher(settings, MemoryLog(), metrics, "run")
        self.intake = Intake(settings, self.publisher, metrics, "run", clock_us=lambda: 1)
        self.deliveries: list[tuple[int, int]] = []

    def connect(self) -> tuple[Connection, FakeTransport]:
        connection, transport = Connection(self.intake), FakeTransport()
        connection.connection_made(transport)
        return connection, transport

    def value(self, name: str) -> float | None:
        return self.registry.get_sample_value(name)


@pytest.fixture
def bench() -> Bench:
    return Bench(IngestSettings(session=SESSION))


def feed(connection: Connection, data: bytes) -> None:
    """Hand data over as the loop does."""
    for start in range(0, len(data), 1000):
        piece = data[start : start + 1000]
        connection.get_buffer(-1)[: len(piece)] = piece
        connection.buffer_updated(len(piece))


def test_all_connections_share_one_buffer(bench: Bench) -> None:
    (first, _), (second, _) = bench.connect(), bench.connect()
    assert first.get_buffer(-1) is second.get_buffer(-1)


def test_a_connection_with_too_much_waiting_pauses_and_goes_on_at_half() -> None:
    settings = IngestSettings(session=SESSION, connection_in_flight_bytes=20_000)
    bench = Bench(settings)
    connection, transport = bench.connect()
    _, other = bench.connect()
    while transport.reading:
        feed(connection, stream(5))
    waiting = bench.publisher.waiting_bytes
    assert 20_000 < waiting < 30_000
    assert other.reading
    connection.published(1, 0, waiting - 10_001)
    assert not transport.reading
    connection.published(1, 0, 1)
    assert transport.reading
    assert bench.value("dipper_reading_pauses_total") == 1


def test_too_much_waiting_in_all_pauses_every_connection_and_new_ones() -> None:
    bench = Bench(IngestSettings(session=SESSION, in_flight_bytes=20_000))
    first, transport = bench.connect()
    _, other = bench.connect()
    while transport.reading:
        feed(first, stream(5))
    _, late = bench.connect()
    assert not other.reading
    assert not late.reading
    bench.publisher.waiting_bytes = 10_001
    bench.publisher.after_round()
    assert not transport.reading
    bench.publisher.waiting_bytes = 10_000
    bench.publisher.after_round()
    assert transport.reading
    assert other.reading
    assert late.reading


def test_while_paused_silence_does_not_count() -> None:
    bench = Bench(IngestSettings(session=SESSION))
    connection, transport = bench.connect()
    feed(connection, rmc(0))
    connection.hold()
    for _ in range(5):
        connection.tick(2)
    connection.release()
    connection.tick(1)
    connection.tick(1)
    assert bench.publisher.waiting_bytes == 0
    assert transport.reading
    connection.tick(1)
    assert bench.publisher.waiting_bytes > 0


def test_ticks_go_only_to_connections_with_an_open_epoch_or_that_are_not_read(
    bench: Bench,
) -> None:
    connection, _ = bench.connect()
    ticking = bench.intake.ticking
    assert not ticking
    feed(connection, stream(4))
    for _ in range(2):
        bench.intake.tick(1)
    assert not ticking
    feed(connection, rmc(4))
    assert ticking == {connection}
    for _ in range(2):
        bench.intake.tick(1)
    assert not ticking
    connection.hold()
    bench.intake.tick(1)
    assert ticking == {connection}
    connection.connection_lost(None)
    assert not ticking


def test_an_acknowledgement_waits_for_a_peer_that_reads_and_only_the_newest_is_sent(
    bench: Bench,
) -> None:
    connection, transport = bench.connect()
    feed(connection, login("TRUCK-1") + ACK_ON + stream(4))
    transport.sent = b""
    connection.pause_writing()
    connection.published(1, 2, 0)
    connection.published(0, 4, 0)
    assert transport.sent == b""
    connection.resume_writing()
    assert transport.sent.startswith(b"$PDPR,ACK,4*")
    assert transport.sent.count(b"$PDPR") == 1
    assert bench.value("dipper_acknowledged_lines_total") == 4


def test_lines_are_acknowledged_together_with_those_on_their_way_unless_they_are_many(
    bench: Bench,
) -> None:
    connection, transport = bench.connect()
    feed(connection, login("TRUCK-1") + ACK_ON)
    for second in (0, 1, 2):
        feed(connection, rmc(second) + gga(second))
    waiting = connection._unpublished
    transport.sent = b""
    connection.published(waiting - 1, 4, 0)
    assert transport.sent == b""
    connection.published(1, 6, 0)
    assert transport.sent.startswith(b"$PDPR,ACK,6*")
    transport.sent = b""
    feed(connection, rmc(3) + gga(3))
    feed(connection, rmc(4) + gga(4))
    connection.published(1, 6 + 64, 0)
    assert transport.sent.startswith(b"$PDPR,ACK,70*")


def test_replies_pile_up_for_nobody(bench: Bench) -> None:
    connection, transport = bench.connect()
    feed(connection, login("TRUCK-1"))
    transport.sent = b""
    connection.pause_writing()
    feed(connection, login("TRUCK-1") * 1000)
    assert len(transport.sent) == 0
    assert transport.closed


def test_after_the_end_the_last_acknowledgement_goes_out_before_the_close(bench: Bench) -> None:
    connection, transport = bench.connect()
    feed(connection, login("TRUCK-1") + ACK_ON + rmc(0) + gga(0))
    transport.sent = b""
    assert connection.eof_received()
    assert not transport.closed
    connection.published(2, 4, 0)
    assert transport.sent.startswith(b"$PDPR,ACK,4*")
    assert transport.closed


def test_an_end_with_nothing_waiting_closes_at_once(bench: Bench) -> None:
    connection, transport = bench.connect()
    assert not connection.eof_received()
    assert transport.closed


def test_a_refused_login_is_answered_and_closed(bench: Bench) -> None:
    connection, transport = bench.connect()
    feed(connection, login("x"))
    assert transport.sent.startswith(b"$PDPR,NO,terminal*")
    assert not transport.reading
    feed(connection, stream(2))
    connection.published(1, 0, 0)
    assert transport.closed


def test_a_lost_connection_leaves_the_gauges_at_zero() -> None:
    bench = Bench(IngestSettings())
    connection, _ = bench.connect()
    feed(connection, stream(1))
    assert bench.value("dipper_connections") == 1
    assert bench.value("dipper_quarantined_connections") == 1
    connection.connection_lost(ConnectionResetError())
    connection.published(1, 2, 0)
    assert bench.value("dipper_connections") == 0
    assert bench.value("dipper_quarantined_connections") == 0
    assert not bench.intake.connections


def test_one_connection_too_many_is_closed_at_once() -> None:
    bench = Bench(IngestSettings(max_connections=1))
    first, transport = bench.connect()
    refused, other = bench.connect()
    assert other.closed
    assert not transport.closed
    refused.connection_lost(None)
    assert bench.value("dipper_connections_refused_total") == 1
    assert bench.intake.connections == {first}
