"""A physical line to what it says, clean, glued, broken and between binary."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.nmea.gga import GGA
from services.nmea.gsv import GSV
from services.nmea.read import read_line
from services.nmea.readings import Bad, Control, Other, Reading
from services.nmea.rmc import RMC
from services.nmea.tag_block import TagBlock
from tests.core import WAYS, reading_by
from tests.unit.nmea.framed import framed, read_one, readings

RMC_LINE = framed("BDRMC,103607.00,A,2930.0,N,10647.4,E,0.046,,060321,,,A,V")
GGA_LINE = framed("GNGGA,103607.00,2930.0,N,10647.4,E,1,06,5.88,56.0,M,48.5,M,,")
GSV_LINE = framed("GBGSV,1,1,01,14,36,218,31,1")
AIS_LINE = framed("AIVDM,1,1,,A,13oP50Oi420UAtPgp@UPrP1d01,0", b"!")
TAG = b"\\" + framed("s:TRUCK-1")[1:] + b"\\"
RTCM = bytes.fromhex("d300133ed7d30202980edeef34b4bd62ac0941986f33360b98")


@pytest.fixture(autouse=True, scope="module", params=WAYS)
def _reader(request: pytest.FixtureRequest) -> Iterator[None]:
    with reading_by(request.param):
        yield


def kinds(line: bytes, *, allow_missing_checksum: bool = False) -> list[str]:
    """Kinds of the readings; for a bad one its reason."""
    found = readings(line, allow_missing_checksum=allow_missing_checksum)
    return [one.reason if isinstance(one, Bad) else type(one).__name__ for one in found]


@pytest.mark.parametrize(
    "talker", ["BD", "GB", "GN", "GP", "GL", "GA", "GQ", "PQ", "QZ", "II", "U0"]
)
@pytest.mark.parametrize("line", [RMC_LINE, GGA_LINE, GSV_LINE])
def test_every_talker_may_send_every_sentence(talker: str, line: bytes) -> None:
    changed = framed(talker.encode() + line[3:-3])
    ((raw, reading),) = read_line(changed)
    assert raw == changed
    assert not isinstance(reading, Bad | Other)
    assert reading[0] == talker


def test_small_hexadecimal_digits_count() -> None:
    line = framed("GNZDA,103607.00,06,03,2021,00,00")
    assert line.endswith(b"*7F")
    assert kinds(line[:-2] + b"7f") == ["ZDA"]


def test_proprietary_sentences_keep_their_name_even_if_it_ends_like_a_standard_one() -> None:
    assert read_one(framed("PSRFEPE,1,")) == Other("P", "SRFEPE", [b"1", b""])
    assert read_one(framed("PGRMC,A,218.8")) == Other("P", "GRMC", [b"A", b"218.8"])
    assert read_one(framed("PMGNST,1")) == Other("P", "MGNST", [b"1"])


def test_longer_addresses_are_other_sentences() -> None:
    assert read_one(framed("GNGGAH,073346.00")) == Other("GN", "GGAH", [b"073346.00"])


def test_ais_reports_are_other_sentences() -> None:
    assert read_one(AIS_LINE) == Other("AI", "VDM", AIS_LINE[1:-3].split(b",")[1:])
    assert kinds(framed("GPRMC,,V,,,,,,,,,,N", b"!")) == ["Other"]


def test_control_sentences_need_their_checksum() -> None:
    assert read_one(framed("PDPR,LOGIN,TRUCK-1,secret")) == Control("LOGIN", ("TRUCK-1", "secret"))
    assert read_one(framed("PDPR,ACK,ON")) == Control("ACK", ("ON",))
    assert kinds(b"$PDPR,ACK,ON", allow_missing_checksum=True) == ["checksum_missing"]
    assert kinds(b"$PDPR,ACK,ON*00") == ["checksum_wrong"]
    assert kinds(framed("PDPR")) == ["malformed"]
    assert kinds(framed(b"PDPR,LOGIN,\xe5\x8c\x97")) == ["malformed"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (RMC_LINE[:-1], "checksum_wrong"),
        (RMC_LINE[:-2] + b"00", "checksum_wrong"),
        (RMC_LINE[:-2] + b"3)", "checksum_wrong"),
        (RMC_LINE.replace(b"2930", b"2931"), "checksum_wrong"),
        (RMC_LINE[:-3], "checksum_missing"),
        (b"$GPRMC,1234", "checksum_missing"),
        (framed("&bTXT,01,01,02,LLC"), "malformed"),
        (framed("GP,1"), "malformed"),
        (framed("gprmc,1"), "malformed"),
        (framed("ABCD,1"), "malformed"),
        (framed(""), "malformed"),
        (framed("GPXXX" + ",1" * 65), "too_many_fields"),
        (framed("GPRMC" + ",1" * 65), "too_many_fields"),
        (framed("GPRMC" + "," * 65), "too_many_fields"),
        (b"$", "malformed"),
        (b"$GP", "malformed"),
        (b"# a comment", "not_nmea"),
        (b"\x00\x00", "not_nmea"),
        (b" ", "not_nmea"),
        (RTCM, "not_nmea"),
        (b"\xb5b$\x01\x07!", "not_nmea"),
        (framed("GPRMC,25,A"), "bad_field"),
        (framed("GPRMC"), "bad_field"),
    ],
)
def test_a_line_that_is_no_sentence_has_its_reason(line: bytes, reason: str) -> None:
    assert read_line(line) == [(line, Bad(reason))]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (RMC_LINE + GGA_LINE, ["RMC", "GGA"]),
        (RMC_LINE + b" " + GGA_LINE + b"  ", ["RMC", "GGA"]),
        (RMC_LINE + AIS_LINE + GSV_LINE, ["RMC", "Other", "GSV"]),
        (b"$" + RMC_LINE, ["RMC"]),
        (b"  " + RMC_LINE, ["RMC"]),
        (RMC_LINE + b" \t", ["RMC"]),
        (b"\x00\x00" + RMC_LINE + b"\x00", ["RMC"]),
        (RTCM + RMC_LINE, ["not_nmea", "RMC"]),
        (RTCM + RMC_LINE + RTCM, ["not_nmea", "RMC", "not_nmea"]),
        (b"\xb5b$!\x00\\" + RMC_LINE, ["not_nmea", "RMC"]),
        (b"00,*7D" + RMC_LINE, ["not_nmea", "RMC"]),
        (RMC_LINE + b"7E", ["RMC", "not_nmea"]),
        (b"$GPGGA,19322" + RMC_LINE, ["checksum_missing", "RMC"]),
        (RMC_LINE[:-1] + GGA_LINE, ["checksum_wrong", "GGA"]),
        (RMC_LINE[:-2] + b"00" + GGA_LINE, ["checksum_wrong", "GGA"]),
        (b"$GP" + RMC_LINE, ["malformed", "RMC"]),
        (RMC_LINE + b"$GPGGA,1932", ["RMC", "checksum_missing"]),
        (TAG + RMC_LINE, ["TagBlock", "RMC"]),
        (TAG + TAG + RMC_LINE, ["TagBlock", "TagBlock", "RMC"]),
        (TAG + RMC_LINE + TAG + GGA_LINE, ["TagBlock", "RMC", "TagBlock", "GGA"]),
        (b"\\s:TRUCK-1\\" + RMC_LINE, ["tag_checksum_wrong", "RMC"]),
        (TAG + RMC_LINE[:-1], ["TagBlock", "checksum_wrong"]),
        (framed("GPTXT,01,01,02,Hi! cost 5*3 \\o/"), ["Other"]),
        (framed("GPTXT,01,01,02,Hi!") + RMC_LINE, ["Other", "RMC"]),
    ],
)
def test_glued_and_broken_lines_give_every_good_sentence(line: bytes, expected: list[str]) -> None:
    assert kinds(line) == expected


def test_a_tag_block_is_no_line_of_its_own_unless_it_stands_alone() -> None:
    assert read_line(TAG + RMC_LINE)[0] == (b"", TagBlock("TRUCK-1"))
    assert read_line(TAG) == [(TAG, TagBlock("TRUCK-1"))]
    assert read_line(TAG + b"junk")[0] == (TAG, TagBlock("TRUCK-1"))


def test_a_missing_checksum_is_allowed_only_if_asked_for_and_nothing_else_is_there() -> None:
    bare = RMC_LINE[:-3]
    assert kinds(bare, allow_missing_checksum=True) == ["RMC"]
    assert kinds(TAG + bare, allow_missing_checksum=True) == ["TagBlock", "RMC"]
    glued = bare + GGA_LINE
    assert kinds(glued, allow_missing_checksum=True) == ["checksum_missing", "GGA"]
    assert kinds(RTCM + bare, allow_missing_checksum=True) == ["not_nmea", "checksum_missing"]
    assert kinds(RMC_LINE[:-1], allow_missing_checksum=True) == ["checksum_wrong"]


def test_a_line_over_the_limit_gives_its_good_sentences_and_one_reject() -> None:
    assert kinds(b"x" * 1025) == ["line_too_long"]
    assert kinds(b"x" * 900 + RMC_LINE + b"x" * 900) == ["RMC", "line_too_long"]
    assert read_line(b"x" * 1025) == [(b"x" * 1024, Bad("line_too_long"))]
    assert kinds(b"x" * 1000 + RMC_LINE) == ["line_too_long"]


def test_a_long_sentence_within_the_limit_is_read() -> None:
    line = framed("GPXXX" + "," + "y" * 1000)
    assert kinds(line) == ["Other"]
    line = framed("GPGSV,1,1,04" + ",0000000001,45,000000000000000180,0000000000000000000044" * 4)
    assert len(line) > 132
    assert kinds(line) == ["bad_field"]


GOOD = st.sampled_from([RMC_LINE, GGA_LINE, GSV_LINE, AIS_LINE])
JUNK = st.one_of(
    st.binary(max_size=40).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"")),
    st.builds(lambda line, cut: line[:cut], GOOD, st.integers(0, 50)),
)


@given(JUNK, GOOD, JUNK)
def test_nothing_around_it_hides_a_good_sentence(before: bytes, good: bytes, after: bytes) -> None:
    assert good in [raw for raw, _ in read_line(before + good + after)]


@given(st.binary(min_size=1, max_size=1200), st.booleans())
def test_any_bytes_give_readings_of_known_kinds(line: bytes, allowed: bool) -> None:
    pairs = read_line(line, allow_missing_checksum=allowed)
    assert pairs
    assert all(isinstance(reading, Reading) for _, reading in pairs)
    assert any(raw for raw, _ in pairs)


@given(st.lists(st.one_of(GOOD, JUNK), min_size=1, max_size=6), st.integers(0, 300))
def test_one_changed_byte_never_makes_another_sentence(parts: list[bytes], place: int) -> None:
    line = bytearray(b"".join(parts) or b"x")
    line[place % len(line)] ^= 0x01
    for raw, reading in read_line(bytes(line)):
        if isinstance(reading, RMC | GGA | GSV):
            assert raw in (RMC_LINE, GGA_LINE, GSV_LINE)
