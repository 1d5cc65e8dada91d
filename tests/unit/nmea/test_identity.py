"""Lines by which devices say who they are."""

from __future__ import annotations

import pytest

from services.nmea.identity import Identification
from services.nmea.read import read_line
from services.nmea.readings import Bad
from services.nmea.rmc import RMC
from tests.unit.nmea.framed import framed, read_one, readings

RMC_LINE = framed("GPRMC,094907.000,A,6000.5332,N,03020.5192,E,1.17,60.26,091111,,")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"$PGID,359853000144328*0F", Identification("359853000144328", "pgid")),
        (framed("PGID,TRUCK-1"), Identification("TRUCK-1", "pgid")),
        (b"$GPFID,ID123456ABC", Identification("ID123456ABC", "gpfid")),
        (framed("GPFID,ID123456ABC"), Identification("ID123456ABC", "gpfid")),
        (framed("DEVID,vessel_7"), Identification("vessel_7", "devid")),
        (b"$DEVID,vessel_7", Identification("vessel_7", "devid")),
        (b"IMEI 351467108700000", Identification("351467108700000", "imei")),
        (b"IMEI 351467108700000 ", Identification("351467108700000", "imei")),
        (b"$IMEI=351467108700000", Identification("351467108700000", "imei")),
        (framed("IMEI=351467108700000"), Identification("351467108700000", "imei")),
    ],
)
def test_the_forms_that_devices_send(line: bytes, expected: Identification) -> None:
    assert read_line(line)[0][1] == expected
    assert len(read_line(line)) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"$PGID,359853000144328*0E", "checksum_wrong"),
        (b"$IMEI=351467108700000*00", "checksum_wrong"),
        (framed("PGID,"), "bad_field"),
        (framed("PGID"), "bad_field"),
        (b"$GPFID,08", "bad_field"),
        (b"IMEI x", "bad_field"),
        (framed("PGID,a;drop"), "bad_field"),
        (framed("PGID," + "x" * 33), "bad_field"),
    ],
)
def test_a_wrong_checksum_or_no_terminal_name_is_rejected(line: bytes, reason: str) -> None:
    assert read_one(line) == Bad(reason)


@pytest.mark.parametrize(
    "prefix",
    [b"359853000144328", b"359853000144328,", b"359853000144328/", b"4711/359853000144328/"],
)
def test_digits_before_a_sentence_are_an_identity_and_no_line_of_their_own(prefix: bytes) -> None:
    (identity, sentence) = read_line(prefix + RMC_LINE)
    assert identity == (b"", Identification("359853000144328", "prefix"))
    assert sentence[0] == RMC_LINE
    assert isinstance(sentence[1], RMC)


def test_digits_before_a_broken_sentence_identify_nothing() -> None:
    line = b"359853000144328" + RMC_LINE[:-1]
    assert read_line(line) == [(line, Bad("checksum_wrong"))]


def test_a_few_digits_are_the_rest_of_a_broken_number() -> None:
    assert readings(b"0213" + RMC_LINE)[0] == Bad("not_nmea")


def test_the_prefix_may_stand_before_a_sentence_without_checksum() -> None:
    line = b"359853000144328" + RMC_LINE[:-3]
    assert read_line(line) == [(line, Bad("checksum_missing"))]
    identity, sentence = readings(line, allow_missing_checksum=True)
    assert identity == Identification("359853000144328", "prefix")
    assert isinstance(sentence, RMC)
