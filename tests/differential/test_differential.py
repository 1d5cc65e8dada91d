"""The fast path reads what pynmeagps reads: in every capture and in generated sentences.

Where pynmeagps reads less than was sent, the two are not compared, but the case stands here:

- it rounds latitude and longitude to 10 decimals, so they agree within 1e-9 degrees;
- it has no leap second, no fraction of a second over 6 digits, no angle without a decimal point
  and no time that ends in a point: it gives such fields as empty;
- it takes the years 69 to 79 for 1969 to 1979;
- it knows neither VTG's form of before NMEA 2.0 nor GLL without time and status;
- of GSV it drops a last satellite that lacks its empty fields, and Quectel's system id;
- it takes the talker PQ for a proprietary sentence (parse_typed gives it another talker);
- any field that it can't convert makes it drop the sentence or, in dates and times, the field:
  ``bad_field`` here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from services.nmea.framing import Framer
from services.nmea.gll import GLL
from services.nmea.gsa import GSA
from services.nmea.gsv import GSV
from services.nmea.read import read_line
from services.nmea.readings import Bad, Typed
from services.nmea.reference import parse_typed
from services.nmea.rmc import RMC
from services.nmea.vtg import VTG
from tests.differential.generated import BODIES
from tests.unit.nmea.framed import framed, read_one

CAPTURES = Path(__file__).parents[1] / "captures"
STREAMS = sorted(
    path.relative_to(CAPTURES).as_posix()
    for pattern in ("*/*.log", "*/*.ubx", "tagblock/*.txt", "rdss/*.jsonl")
    for path in CAPTURES.glob(pattern)
)


def same(ours: Typed, theirs: Typed) -> bool:
    """Equal but for the rounding of floats."""
    return type(ours) is type(theirs) and all(
        math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-9)
        if isinstance(a, float) and isinstance(b, float)
        else a == b
        for a, b in zip(ours, theirs, strict=True)
    )


def bytes_of(name: str) -> bytes:
    """A capture as a stream."""
    raw = (CAPTURES / name).read_bytes()
    if name.endswith(".jsonl"):
        return b"\n".join(json.loads(line)["line"].encode() for line in raw.splitlines())
    return raw


def typed_sentences(stream: bytes) -> Iterator[tuple[list[bytes], Typed]]:
    """Each typed sentence of a stream: its fields and what the fast path made of them."""
    framer = Framer()
    for line in framer.feed(stream) + framer.finish():
        for raw, reading in read_line(line):
            if isinstance(reading, Typed):
                yield raw[1:-3].split(b","), reading


def comparable(fields: list[bytes], reading: Typed) -> bool:
    """False for the forms of which the reference is known to lose a part."""
    if isinstance(reading, GSV):
        return (len(fields) - 4) % 4 < 2
    if isinstance(reading, GSA) and reading.talker == "PQ":
        return fields[18:] != [b"5"]
    if isinstance(reading, VTG):
        return len(fields) > 5
    return not (isinstance(reading, GLL) and len(fields) == 5)


@pytest.mark.parametrize("name", STREAMS)
def test_every_sentence_of_every_capture_reads_the_same(name: str) -> None:
    pairs = [pair for pair in typed_sentences(bytes_of(name)) if comparable(*pair)]
    different = [
        (fields, reading) for fields, reading in pairs if not same(reading, parse_typed(fields))
    ]
    assert different == []


def test_the_captures_hold_many_sentences_of_every_kind() -> None:
    counts: dict[str, int] = {}
    for name in STREAMS:
        for _, reading in typed_sentences(bytes_of(name)):
            kind = type(reading).__name__
            counts[kind] = counts.get(kind, 0) + 1
    assert sum(counts.values()) > 24_000
    assert counts.keys() >= {"RMC", "GGA", "GNS", "GLL", "VTG", "ZDA", "GSA", "GSV", "GST", "HDT"}


@settings(max_examples=500)
@given(BODIES)
def test_generated_sentences_read_the_same(body: bytes) -> None:
    reading = read_one(framed(body))
    assert not isinstance(reading, Bad)
    assert isinstance(reading, Typed)
    fields = body.split(b",")
    if comparable(fields, reading):
        theirs = parse_typed(fields)
        assert same(reading, theirs), (reading, theirs)


@pytest.mark.parametrize(
    ("sent", "ours", "theirs"),
    [
        ("235960.00", 86_400_000_000, None),
        ("120000.1234567", 43_200_123_456, None),
        ("120000.", 43_200_000_000, None),
    ],
)
def test_times_that_only_the_fast_path_reads(sent: str, ours: int, theirs: int | None) -> None:
    body = f"GNRMC,{sent},V,,,,,,,,,,N".encode()
    reading, reference = read_one(framed(body)), parse_typed(body.split(b","))
    assert isinstance(reading, RMC)
    assert isinstance(reference, RMC)
    assert (reading.time_of_day_us, reference.time_of_day_us) == (ours, theirs)


def test_an_angle_without_a_decimal_point_is_read_by_the_fast_path_alone() -> None:
    body = b"GNRMC,120000,A,2830,N,12045,E,,,,,,N"
    reading, reference = read_one(framed(body)), parse_typed(body.split(b","))
    assert isinstance(reading, RMC)
    assert isinstance(reference, RMC)
    assert ((reading.lat, reading.lon), (reference.lat, reference.lon)) == (
        (28.5, 120.75),
        (None, None),
    )
