"""Every limit of a connection is hit, and the terminal beside it goes on undisturbed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry

from services.ingest.door import Door
from services.ingest.identity import ACCEPTED, AUTHENTICATED, AcceptAll, Verdict
from services.ingest.limits import LIMITS
from services.ingest.metrics import IngestMetrics
from services.ingest.settings import IngestSettings, LimitSettings, SessionSettings
from services.ingest.throttle import Throttle
from services.runtime.audit import Audit
from tests.unit.ingest.bench import Bench, Peer
from tests.unit.ingest.lines import ACK_ON, TEXT, epoch, login, rmc, sentence, stream, tagged

JUNK = b"no sentence\r\n"
PGID = sentence("PGID,TRUCK-1")
HELLO = login("TRUCK-1")


@pytest.fixture
def bench() -> Bench:
    return Bench(IngestSettings())


@contextmanager
def undisturbed(bench: Bench, address: str = "10.0.0.1") -> Iterator[Peer]:
    """A neighbour behind the same address; all that it sends before and after becomes fixes."""
    neighbour = bench.connect(address)
    neighbour.send(login("SHIP-9") + stream(5))
    before = bench.publisher.fixes
    yield neighbour
    assert neighbour.transport.reading
    assert not neighbour.closed
    after = bench.publisher.fixes
    neighbour.send(b"".join(epoch(second) for second in range(5, 15)))
    assert bench.publisher.fixes - after == 10
    assert after >= before


def test_a_silent_client_is_closed_when_its_first_line_is_overdue(bench: Bench) -> None:
    with undisturbed(bench):
        peer = bench.connect()
        bench.wait(9.75)
        assert not peer.closed
        bench.wait(0.5)
        assert peer.closed
    assert bench.exceeded("first_line") == 1


def test_junk_is_no_first_line_but_a_valid_line_of_nobody_is(bench: Bench) -> None:
    junk, nobody = bench.connect(), bench.connect()
    junk.send(JUNK * 3)
    nobody.send(rmc(0))
    bench.wait(11.0)
    assert junk.closed
    assert not nobody.closed


def test_a_line_that_never_ends_is_closed_though_bytes_keep_coming(bench: Bench) -> None:
    with undisturbed(bench) as neighbour:
        slow = bench.connect()
        slow.send(HELLO + rmc(0))
        for byte in rmc(1)[:29]:
            slow.send(bytes([byte]))
            neighbour.send(TEXT)
            bench.wait(1.0)
        assert not slow.closed
        bench.wait(1.25)
        assert slow.closed
    assert bench.exceeded("line_time") == 1
    assert bench.publisher.rejected["checksum_missing"] == 1


def test_endless_bytes_without_an_end_of_line_are_one_line_and_held_to_its_time(
    bench: Bench,
) -> None:
    with undisturbed(bench) as neighbour:
        endless = bench.connect()
        endless.send(HELLO)
        for _ in range(29):
            endless.send(b"A" * 10_000)
            neighbour.send(TEXT)
            bench.wait(1.0)
        assert not endless.closed
        bench.wait(1.25)
        assert endless.closed
    assert bench.publisher.rejected["line_too_long"] == 1


def test_lines_that_end_in_time_may_come_slowly(bench: Bench) -> None:
    slow = bench.connect()
    slow.send(HELLO)
    for second in range(10):
        slow.send(rmc(second)[:10])
        bench.wait(25.0)
        slow.send(rmc(second)[10:] + rmc(second + 1)[:10])
        bench.wait(25.0)
        slow.send(rmc(second + 1)[10:])
    assert not slow.closed


def test_silence_is_closed_after_the_idle_time(bench: Bench) -> None:
    idle = bench.connect()
    idle.send(HELLO + stream(3))
    with undisturbed(bench) as neighbour:
        for _ in range(299):
            neighbour.send(TEXT)
            bench.wait(1.0)
        assert not idle.closed
        bench.wait(1.25)
        assert idle.closed
    assert bench.exceeded("idle") == 1


def test_an_idle_terminals_open_epoch_is_not_lost(bench: Bench) -> None:
    idle = bench.connect()
    idle.send(HELLO + rmc(0))
    bench.wait(301.0)
    assert idle.closed
    assert bench.publisher.fixes == 1


def test_while_the_log_is_away_nobody_is_called_silent() -> None:
    bench = Bench(IngestSettings(in_flight_bytes=20_000))
    peer, fresh = bench.connect(), bench.connect()
    peer.send(HELLO)
    while peer.transport.reading:
        peer.send(stream(5))
    bench.wait(1_000.0)
    assert not peer.transport.closed
    assert not fresh.transport.closed
    bench.publisher.publish()
    assert peer.transport.reading
    bench.wait(9.0)
    assert not fresh.closed
    bench.wait(2.0)
    assert fresh.closed
    assert bench.exceeded("in_flight") == 1


def test_a_terminal_beyond_its_rate_is_read_at_that_rate_and_loses_nothing(bench: Bench) -> None:
    fast = bench.connect()
    fast.send(HELLO)
    sent, began, chunk = 0, bench.now_s, stream(50)
    with undisturbed(bench):
        while sent < 20_000:
            if fast.transport.reading:
                fast.send(chunk)
                sent += 100
            else:
                bench.publisher.publish()
                bench.wait(0.25)
        taken = bench.now_s - began
        assert taken == pytest.approx((sent - 5_000) / 500, abs=1.0)
        assert not fast.closed
        bench.wait(5.0)
    assert bench.exceeded("terminal_rate")
    assert bench.value("dipper_reading_pauses_total") == 0


def test_a_burst_within_the_limit_is_read_at_once_and_made_up_for_later(bench: Bench) -> None:
    peer = bench.connect()
    peer.send(HELLO + stream(50) * 49)
    assert peer.transport.reading
    bench.wait(10.0)
    peer.send(stream(50) * 49)
    assert peer.transport.reading
    peer.send(stream(50) * 2)
    assert not peer.transport.reading


def test_a_gateway_may_send_as_much_for_each_of_its_terminals() -> None:
    limits = LimitSettings(terminal_lines_per_s=50, terminal_burst_lines=500)
    bench = Bench(IngestSettings(limits=limits))
    gateway = bench.connect()
    everyone = b"".join(tagged(f"BUS-{number}", rmc(0)) for number in range(10))
    for _ in range(49):
        gateway.send(everyone * 10)
        bench.publisher.publish()
    assert gateway.transport.reading
    gateway.send(everyone * 20)
    bench.publisher.publish()
    assert not gateway.transport.reading


def test_a_slowed_terminal_is_not_called_silent_nor_woken_by_the_log(bench: Bench) -> None:
    settings = IngestSettings(limits=LimitSettings(idle_s=5.0, terminal_burst_lines=10_000))
    bench = Bench(settings)
    fast = bench.connect()
    fast.send(HELLO + stream(50) * 150)
    assert not fast.transport.reading
    bench.publisher.publish()
    assert not fast.transport.reading
    bench.wait(9.5)
    assert not fast.closed
    assert not fast.transport.reading
    bench.wait(1.0)
    assert fast.transport.reading


@pytest.mark.parametrize("way", [HELLO, PGID])
def test_too_many_bad_lines_in_a_row_end_the_connection_and_ban_its_terminal(
    bench: Bench, way: bytes
) -> None:
    with undisturbed(bench):
        noisy = bench.connect()
        noisy.send(way + stream(2) + JUNK * 49)
        assert not noisy.closed
        noisy.send(JUNK)
        assert noisy.closed
        again = bench.connect()
        again.send(way + stream(2))
        assert again.closed
        other = bench.connect()
        other.send(login("TRUCK-2") + stream(2))
        assert not other.closed
    assert bench.exceeded("bad_lines") == 1
    assert bench.exceeded("banned") == 1
    assert bench.value("dipper_banned_terminals") == 1
    assert bench.publisher.rejected["not_nmea"] == 50
    assert bench.publisher.rejected["banned"] == 4 + (way == HELLO)


def test_a_ban_is_over_after_its_time(bench: Bench) -> None:
    bench.connect().send(HELLO + JUNK * 50)
    bench.wait(59.0)
    early = bench.connect()
    early.send(HELLO)
    assert early.closed
    assert early.transport.sent.startswith(b"$PDPR,NO,banned*")
    bench.wait(1.25)
    late = bench.connect()
    late.send(HELLO)
    assert late.transport.sent.startswith(b"$PDPR,OK*")
    assert not late.closed


def test_a_banned_login_is_no_failed_one(bench: Bench) -> None:
    bench.connect().send(HELLO + JUNK * 50)
    for _ in range(50):
        bench.connect().send(HELLO)
    other = bench.connect()
    other.send(login("TRUCK-2"))
    assert other.transport.sent.startswith(b"$PDPR,OK*")


def test_a_good_line_among_bad_ones_starts_the_count_anew(bench: Bench) -> None:
    peer = bench.connect()
    peer.send(HELLO + (JUNK * 49 + rmc(0)) * 10 + JUNK * 49)
    assert not peer.closed
    assert bench.publisher.rejected["not_nmea"] == 11 * 49


def test_bad_lines_of_nobody_close_and_ban_nobody() -> None:
    bench = Bench(IngestSettings(session=SessionSettings(default_terminal="ANY-1")))
    peer = bench.connect()
    peer.send(rmc(0) + JUNK * 50)
    assert peer.closed
    assert bench.value("dipper_banned_terminals") == 0
    after = bench.connect()
    after.send(stream(2))
    assert not after.closed


def test_lines_of_a_banned_connection_are_acknowledged_before_it_closes(bench: Bench) -> None:
    peer = bench.connect()
    peer.send(HELLO + ACK_ON + JUNK * 50)
    assert peer.closed
    assert b"$PDPR,ACK,52*" in peer.transport.sent


class Proving(AcceptAll):
    """A judge who knows the token of TRUCK-1."""

    def login(self, terminal: str, token: str) -> Verdict:
        return AUTHENTICATED if token == "right" else ACCEPTED


def test_a_thief_of_a_name_does_not_get_its_owner_banned() -> None:
    door = Door(Proving(), Throttle(10), IngestMetrics(CollectorRegistry()), Audit())
    bench = Bench(IngestSettings(), door)
    bench.connect("10.6.6.6").send(login("TRUCK-1", "wrong") + JUNK * 50)
    owner = bench.connect("10.0.0.1")
    owner.send(login("TRUCK-1", "right") + stream(3))
    assert not owner.closed
    assert owner.transport.sent.startswith(b"$PDPR,OK*")


def test_an_address_has_so_many_connections_that_nobody_knows(bench: Bench) -> None:
    with undisturbed(bench):
        strangers = [bench.connect() for _ in range(100)]
        assert not any(peer.transport.closed for peer in strangers)
        assert bench.connect().transport.closed
        assert not bench.connect("10.0.0.2").transport.closed
        strangers[0].send(HELLO)
        assert not bench.connect().transport.closed
        assert bench.connect().transport.closed
        strangers[1].lose()
        assert not bench.connect().transport.closed
    assert bench.exceeded("unidentified_per_address") == 2


def test_a_fleet_behind_one_address_counts_only_in_the_total() -> None:
    bench = Bench(
        IngestSettings(max_connections=500, limits=LimitSettings(new_per_address_per_s=0))
    )
    fleet = []
    for number in range(500):
        fleet.append(bench.connect())
        fleet[-1].send(login(f"TRUCK-{number}"))
    assert not any(peer.transport.closed for peer in fleet)
    assert bench.connect().transport.closed
    assert bench.exceeded("connections") == 1


def test_an_address_has_so_many_new_connections_a_second(bench: Bench) -> None:
    with undisturbed(bench):
        opened = 0
        for _ in range(300):
            peer = bench.connect()
            opened += not peer.transport.closed
            peer.lose()
        assert opened == 199
        assert not bench.connect("10.0.0.2").transport.closed
        bench.wait(0.25)
        assert not bench.connect().transport.closed
    assert bench.exceeded("new_per_address") == 101
    assert bench.value("dipper_connections_refused_total") == 101


def test_a_peer_that_reads_no_replies_is_closed(bench: Bench) -> None:
    with undisturbed(bench):
        peer = bench.connect()
        assert peer.transport.write_buffer_bytes == 16 << 10
        peer.connection.pause_writing()
        peer.send(HELLO)
        assert peer.transport.closed
    assert bench.exceeded("unread_replies") == 1


def test_a_peer_that_reads_no_last_reply_is_closed_by_force(bench: Bench) -> None:
    peer = bench.connect()
    peer.send(HELLO + ACK_ON)
    peer.connection.eof_received()
    bench.publisher.publish()
    peer.transport.closed = False
    bench.wait(31.0)
    assert peer.transport.closed
    assert bench.exceeded("unread_end") == 1


def test_lines_with_too_many_bytes_or_fields_are_counted_rejects(bench: Bench) -> None:
    with undisturbed(bench):
        peer = bench.connect()
        peer.send(HELLO + b"$" + b"x" * 1_024 + b"\n" + sentence("GNTXT" + ",1" * 65))
        peer.send(sentence("GNRMC" + ",1" * 65) + sentence("GNTXT" + ",1" * 64))
        assert not peer.closed
    assert bench.publisher.rejected["line_too_long"] == 1
    assert bench.publisher.rejected["too_many_fields"] == 2


def test_one_connections_wait_for_the_log_is_its_own() -> None:
    bench = Bench(IngestSettings(connection_in_flight_bytes=20_000))
    with undisturbed(bench):
        peer = bench.connect()
        peer.send(HELLO)
        while peer.transport.reading:
            peer.send(stream(5))
    assert bench.exceeded("connection_in_flight") == 1


def test_limits_that_are_zero_are_none() -> None:
    limits = LimitSettings(
        unidentified_per_address=0, new_per_address_per_s=0, terminal_lines_per_s=0
    )
    bench = Bench(IngestSettings(limits=limits, session=SessionSettings(max_bad_lines=0)))
    strangers = [bench.connect() for _ in range(300)]
    strangers[0].send(JUNK * 1_000 + HELLO + stream(50) * 200)
    assert not any(peer.transport.closed for peer in strangers)
    assert strangers[0].transport.reading


def test_a_limit_is_told_once_with_the_terminal_and_then_only_now_and_then(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "services.ingest")
    bench.connect().send(HELLO + stream(2) + JUNK * 50)
    (told,) = caplog.messages
    assert told.startswith("limit bad_lines: terminal TRUCK-1 at 10.0.0.1: closed: ")
    assert "2800" not in told
    caplog.clear()
    for _ in range(400):
        bench.connect().lose()
    assert len(caplog.messages) == 10
    bench.wait(10.0)
    for _ in range(400):
        bench.connect().lose()
    assert "(191 more since the last such line)" in caplog.messages[10]


def test_every_limit_has_its_metric_from_the_start() -> None:
    bench = Bench(IngestSettings())
    assert {limit: bench.exceeded(limit) for limit in LIMITS} == dict.fromkeys(LIMITS, 0.0)
