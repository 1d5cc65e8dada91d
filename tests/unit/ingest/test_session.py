"""One connection's protocol, byte by byte."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.session import Session
from services.ingest.settings import SessionSettings
from services.nmea.checksum import checksum
from services.nmea.terminal import Outcomes
from tests.unit.ingest.lines import (
    ACK_ON,
    AIS,
    epoch,
    gga,
    login,
    rmc,
    sentence,
    stream,
    tagged,
)

NOW_US = 1_750_161_600_000_000
DEFAULT = SessionSettings(default_terminal="DEFAULT-1")

MIXED = (
    stream(2)
    + b"noise\x00\xff\n"
    + sentence("PGID,SHIP-7")
    + AIS
    + stream(3)
    + tagged("TAG-A", rmc(3))
    + login("TRUCK-1")
    + ACK_ON
    + b"\r\r\n\n"
    + rmc(4).replace(b"A,2800", b"A,2801")
    + stream(6)
    + b"x" * 1500
    + b"\r\n"
    + gga(7).strip()
)


def play(session: Session, reads: Iterable[bytes]) -> list[Outcomes]:
    """Feed the reads, then end cleanly."""
    given = [session.receive(data, NOW_US) for data in reads]
    return [*given, session.end(NOW_US, clean=True)]


def everything(outcomes: list[Outcomes]) -> tuple[object, ...]:
    """All records and counts together."""
    rejected: dict[str, int] = {}
    for out in outcomes:
        for reason, lines in out.lines_rejected.items():
            rejected[reason] = rejected.get(reason, 0) + lines
    return (
        [fix for out in outcomes for fix in out.fixes],
        [message for out in outcomes for message in out.messages],
        [reject for out in outcomes for reject in out.rejects],
        sum(out.lines_used for out in outcomes),
        sum(out.lines_control for out in outcomes),
        rejected,
    )


def terminals(outcomes: list[Outcomes]) -> list[str]:
    """The terminal of each fix."""
    return [fix.terminal for out in outcomes for fix in out.fixes]


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The data in pieces that end at these places."""
    ends = [*sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def test_one_byte_a_read_gives_what_one_read_gives() -> None:
    whole, bytewise = Session(DEFAULT, "run"), Session(DEFAULT, "run")
    at_once = everything(play(whole, [MIXED]))
    assert everything(play(bytewise, [bytes([byte]) for byte in MIXED])) == at_once
    assert len(at_once[0]) >= 12  # type: ignore[arg-type]
    assert bytewise.lines_received == whole.lines_received
    assert bytewise.lines_read == whole.lines_read
    assert bytewise.take_replies() == whole.take_replies() != b""


@given(st.lists(st.integers(0, len(MIXED)), max_size=12))
def test_where_reads_are_cut_makes_no_difference(places: list[int]) -> None:
    expected = everything(play(Session(DEFAULT, "run"), [MIXED]))
    assert everything(play(Session(DEFAULT, "run"), cut(MIXED, places))) == expected


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([rmc(1), gga(1), AIS, login("T-1"), ACK_ON, b"\r\n", b"IMEI 1"]),
            st.builds(tagged, st.sampled_from(["A-1", "B-1"]), st.just(rmc(2))),
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_every_line_is_used_or_rejected_or_pending(pieces: list[bytes], clean: bool) -> None:
    session, used, rejected = Session(DEFAULT, "run"), 0, 0
    for data in pieces:
        out = session.receive(data, NOW_US)
        used, rejected = used + out.lines_used, rejected + len(out.rejects)
        assert sum(out.lines_rejected.values()) == len(out.rejects)
        assert session.lines_read - session.lines_pending == used + rejected
    last = session.end(NOW_US, clean=clean)
    assert session.lines_pending == 0
    assert session.lines_read == used + last.lines_used + rejected + len(last.rejects)


@pytest.mark.parametrize(
    ("before", "prefix", "terminal"),
    [
        (login("TRUCK-1"), b"", "TRUCK-1"),
        (sentence("PGID,SHIP-7"), b"", "SHIP-7"),
        (b"$PGID,SHIP-7\r\n", b"", "SHIP-7"),
        (sentence("GPFID,SHIP-7"), b"", "SHIP-7"),
        (b"IMEI 490154203237518\r\n", b"", "490154203237518"),
        (b"$IMEI=490154203237518\r\n", b"", "490154203237518"),
        (b"", b"490154203237518", "490154203237518"),
        (b"", tagged("GATE-9", b""), "GATE-9"),
        (b"", b"", "DEFAULT-1"),
    ],
)
def test_each_way_of_identity_names_the_terminal(
    before: bytes, prefix: bytes, terminal: str
) -> None:
    lines = [prefix + line for second in range(3) for line in (rmc(second), gga(second))]
    found = set(terminals(play(Session(DEFAULT, "run"), [before, *lines])))
    assert found == {terminal}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([epoch(0), login("LOGIN-1"), epoch(1)], ["DEFAULT-1", "LOGIN-1"]),
        ([login("LOGIN-1"), sentence("PGID,IDENT-1"), epoch(0)], ["LOGIN-1"]),
        ([login("LOGIN-1"), tagged("TAG-1", rmc(0)), tagged("TAG-1", gga(0))], ["LOGIN-1"]),
        ([login("LOGIN-1"), epoch(0), login("LOGIN-2"), epoch(0)], ["LOGIN-1", "LOGIN-2"]),
        ([sentence("PGID,IDENT-1"), tagged("TAG-1", rmc(0))], ["IDENT-1"]),
        ([sentence("PGID,IDENT-1"), epoch(0), login("LOGIN-1"), epoch(0)], ["IDENT-1", "LOGIN-1"]),
        (
            [sentence("PGID,IDENT-1"), epoch(0), sentence("PGID,IDENT-2"), epoch(0)],
            ["IDENT-1", "IDENT-2"],
        ),
        (
            [tagged("TAG-1", rmc(0)), rmc(0), tagged("TAG-2", rmc(0))],
            ["DEFAULT-1", "TAG-1", "TAG-2"],
        ),
        ([b"490154203237518" + rmc(0), login("490154203237518"), gga(0)], ["490154203237518"]),
    ],
)
def test_a_more_trusted_identity_wins(lines: list[bytes], expected: list[str]) -> None:
    assert terminals(play(Session(DEFAULT, "run"), lines)) == expected


def test_a_changed_identity_lets_the_open_epoch_leave_first() -> None:
    session = Session(DEFAULT, "run")
    session.receive(login("OLD-1") + rmc(0), NOW_US)
    out = session.receive(login("NEW-1"), NOW_US)
    assert [(fix.terminal, fix.lines) for fix in out.fixes] == [("OLD-1", 1)]
    assert session.lines_pending == 0


def test_a_tag_source_holds_for_its_own_line_only() -> None:
    session = Session(SessionSettings(), "run")
    outcomes = play(session, [tagged("TAG-1", rmc(0)), gga(0)])
    assert terminals(outcomes) == ["TAG-1"]
    assert [reject.reason for out in outcomes for reject in out.rejects] == ["unidentified"]


def test_terminals_beyond_the_limit_push_the_oldest_out_with_its_open_epoch() -> None:
    session = Session(SessionSettings(max_terminals=2), "run")
    outcomes = [session.receive(tagged(f"TAG-{n}", rmc(0)), NOW_US) for n in range(5)]
    assert terminals(outcomes) == ["TAG-0", "TAG-1"]
    assert session.lines_pending == 3


def test_lines_without_identity_are_quarantined() -> None:
    session = Session(SessionSettings(), "run")
    out = session.receive(stream(2) + b"$GNRMC,broken*00\r\n", NOW_US)
    assert session.quarantined
    assert not out.fixes
    assert out.lines_rejected == {"unidentified": 4, "checksum_wrong": 1}
    assert {reject.terminal for reject in out.rejects} == {None}
    session.receive(login("TRUCK-1"), NOW_US)
    assert not session.quarantined


@pytest.mark.parametrize("name", ["ab", "x" * 33, "two words", "a/b", "北斗七星"])
def test_a_tag_source_that_is_no_terminal_name_identifies_nobody(name: str) -> None:
    block = b"s:" + name.encode()
    line = b"\\%b*%02X\\%b" % (block, checksum(block), rmc(0))
    outcomes = play(Session(SessionSettings(), "run"), [line])
    assert [reject.reason for out in outcomes for reject in out.rejects] == ["unidentified"]
