"""Acknowledged mode: what may be called durable, and what a broken connection gives up."""

from __future__ import annotations

import pytest

from services.ingest import replies
from services.ingest.session import Session
from services.ingest.settings import SessionSettings
from services.nmea.checksum import checksum
from tests.unit.ingest.lines import ACK_ON, AIS, gga, login, rmc, sentence, stream, tagged

NOW_US = 1_750_161_600_000_000


def acknowledging(lines: bytes = b"") -> Session:
    session = Session(SessionSettings(), "run")
    session.receive(login("TRUCK-1") + ACK_ON + lines, NOW_US)
    session.take_replies()
    return session


def test_login_lines_are_the_first_that_are_acknowledged() -> None:
    session = acknowledging()
    assert session.durable_candidate == 2
    assert session.acknowledge(2) == b"$PDPR,ACK,2*%02X\r\n" % checksum(b"PDPR,ACK,2")


def test_a_number_that_did_not_move_is_not_sent_again() -> None:
    session = acknowledging()
    assert session.acknowledge(2)
    assert session.acknowledge(2) == b""
    assert session.acknowledge(1) == b""


def test_without_acknowledged_mode_nothing_is_acknowledged() -> None:
    session = Session(SessionSettings(), "run")
    session.receive(login("TRUCK-1"), NOW_US)
    assert session.acknowledge(1) == b""


def test_lines_of_an_open_epoch_and_those_behind_them_have_to_wait() -> None:
    session = acknowledging(rmc(0))
    assert session.durable_candidate == 2
    session.receive(AIS, NOW_US)
    assert session.durable_candidate == 2
    session.receive(gga(0) + rmc(1), NOW_US)
    assert session.durable_candidate == 5
    assert session.lines_received == 6


def test_a_receiver_whose_cycle_is_known_is_acknowledged_at_its_end() -> None:
    session = acknowledging(stream(5))
    assert session.lines_pending == 0
    assert session.durable_candidate == session.lines_received == 12


def test_the_terminal_whose_epoch_opened_first_holds_the_others() -> None:
    session = Session(SessionSettings(), "run")
    session.receive(ACK_ON + tagged("TAG-A", rmc(0)) + tagged("TAG-B", rmc(0)), NOW_US)
    assert session.durable_candidate == 1
    session.receive(tagged("TAG-B", rmc(1)), NOW_US)
    assert session.durable_candidate == 1
    session.receive(tagged("TAG-A", rmc(1)), NOW_US)
    assert session.durable_candidate == 3


def test_two_sentences_on_one_line_are_one_line_and_wait_together() -> None:
    session = acknowledging(rmc(0) + gga(0).strip() + rmc(1))
    assert session.lines_received == 4
    assert session.lines_read == 5
    assert session.durable_candidate == 3


@pytest.mark.parametrize(
    "line", [b"noise\r\n", sentence("PDPR,ACK,OFF"), sentence("GNRMC,999999,A"), b"\xff\x00\n"]
)
def test_rejected_lines_count_too(line: bytes) -> None:
    assert acknowledging(line).durable_candidate == 3


def test_blank_lines_do_not_count() -> None:
    assert acknowledging(b"\r\n\n\r\r\n").durable_candidate == 2


def test_the_end_of_the_stream_completes_the_open_epoch_and_an_unended_line() -> None:
    session = acknowledging(rmc(0) + gga(0).strip())
    out = session.end(NOW_US, clean=True)
    assert [fix.lines for fix in out.fixes] == [2]
    assert session.durable_candidate == session.lines_received == 4


def test_a_line_that_broke_off_at_the_end_of_the_stream_is_never_acknowledged() -> None:
    session = acknowledging(rmc(0) + gga(0) + rmc(1)[:30])
    out = session.end(NOW_US, clean=True)
    assert [fix.lines for fix in out.fixes] == [2]
    assert out.lines_rejected == {"checksum_missing": 1}
    assert session.durable_candidate == 4


def test_a_broken_acknowledged_connection_gives_its_open_epoch_up() -> None:
    session = acknowledging(rmc(0) + gga(0) + b"noise\n" + gga(1).strip()[:20])
    out = session.end(NOW_US, clean=False)
    assert not out.fixes
    assert session.durable_candidate == 2
    assert out.lines_rejected == {"connection_lost": 2}
    assert [reject.line for reject in out.rejects] == [rmc(0).strip(), gga(0).strip()]


def test_any_other_broken_connection_keeps_what_was_read() -> None:
    session = Session(SessionSettings(default_terminal="TRUCK-1"), "run")
    session.receive(rmc(0) + gga(0), NOW_US)
    assert [fix.lines for fix in session.end(NOW_US, clean=False).fixes] == [2]


def test_silence_completes_the_open_epoch() -> None:
    session = acknowledging(rmc(0))
    assert not session.tick(2).fixes
    assert [fix.lines for fix in session.tick(2).fixes] == [1]
    assert session.durable_candidate == 3
    assert not session.tick(2).fixes


def test_a_line_ends_the_silence() -> None:
    session = acknowledging(rmc(0))
    session.tick(2)
    session.receive(gga(0), NOW_US)
    assert not session.tick(2).fixes
    assert [fix.lines for fix in session.tick(2).fixes] == [2]


def test_silence_is_each_terminals_own() -> None:
    session = Session(SessionSettings(), "run")
    session.receive(tagged("TAG-A", rmc(0)), NOW_US)
    session.tick(2)
    session.receive(tagged("TAG-B", rmc(0)), NOW_US)
    assert [fix.terminal for fix in session.tick(2).fixes] == ["TAG-A"]


@pytest.mark.parametrize("lines", [0, 9, 10, 99_999, 2**31, 10**15, 10**16, 10**18, 10**19 - 1])
def test_an_acknowledgement_has_the_checksum_of_its_sentence(lines: int) -> None:
    assert replies.acknowledged(lines) == sentence(f"PDPR,ACK,{lines}")
