"""The compiled core says what the Python code says, or nothing."""

from __future__ import annotations

import gc
import hashlib
import sys
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.nmea import core
from services.nmea.framing import Framer
from services.nmea.read import Numbered, read_lines, read_lines_in_python
from services.nmea.readings import Typed
from services.nmea.rmc import RMC
from services.nmea.sentences import MAX_FIELDS
from tests.core import need_core, reading_by
from tests.differential.generated import KINDS
from tests.differential.patience import PATIENT
from tests.differential.spoilt import LINES, NUMBERS, ODD_FIELDS
from tests.differential.test_differential import STREAMS, bytes_of
from tests.unit.nmea.framed import framed

NATIVE = Path(core.__file__).parent / "native"
SHARED = NATIVE.parents[1] / "native"
PLAIN = framed("GNRMC,123519.00,A,4807.038,N,01131.000,E,022.4,084.4,230394,,,A")
OTHERS = (PLAIN[:-1], framed("GNRMC,25,A"), framed("PSRFEPE,1"), b"junk", b"$")


@pytest.fixture(autouse=True, scope="module")
def _core() -> None:
    need_core()


def plain(line: bytes) -> Typed | None:
    assert core.read_plain is not None
    return core.read_plain(line)


def otherwise(line: bytes, ordinal: int) -> list[Numbered]:
    return read_lines_in_python((line,), ordinal)


def by_core(lines: Sequence[bytes]) -> list[Numbered]:
    assert core.read_lines is not None
    return core.read_lines(lines, 1, MAX_FIELDS, otherwise)


def exactly(value: Any) -> Any:
    """Equal only for the same value to the last bit, of the same type throughout."""
    if isinstance(value, tuple):
        hashed = hash(value) if isinstance(value, core.TYPES) else None
        return type(value), hashed, [exactly(item) for item in value]
    return type(value), repr(value)


def check(line: bytes) -> bool:
    """Whether the core has read the line; if so, as Python does."""
    reading = plain(line)
    if reading is None:
        return False
    assert exactly([(line, reading, 1)]) == exactly(read_lines_in_python((line,), 1))
    return True


def lines_of(name: str) -> list[bytes]:
    framer = Framer()
    return framer.feed(bytes_of(name)) + framer.finish()


def test_the_core_is_built_from_the_sources_at_hand() -> None:
    from services.nmea import _core

    files = [*sorted(NATIVE.glob("*.[ch]")), *sorted(SHARED.glob("*.h"))]
    sources = b"".join(file.read_bytes() for file in files)
    assert hashlib.sha256(sources).hexdigest() == _core.SOURCE


@pytest.mark.parametrize("name", STREAMS)
def test_every_capture_reads_the_same(name: str) -> None:
    lines = lines_of(name)
    ours, theirs = by_core(lines), read_lines_in_python(lines, 1)
    assert [exactly(one) for one in ours] == [exactly(one) for one in theirs]


def test_nearly_every_sentence_of_the_captures_is_plain() -> None:
    read, plainly = 0, 0
    kinds = set()
    for name in STREAMS:
        for line in lines_of(name):
            ((_, reading, _), *others) = read_lines_in_python((line,), 1)
            if isinstance(reading, Typed) and not others:
                read += 1
                if check(line):
                    plainly += 1
                    kinds.add(type(reading).__name__)
    assert plainly > 0.98 * read
    assert kinds == KINDS.keys() - {"THS"}


@PATIENT
@given(LINES)
def test_any_line_reads_the_same_or_is_left_to_python(line: bytes) -> None:
    check(line)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("talker", ["GN", "GP", "BD", "PQ", "U0"])
def test_an_odd_field_in_any_place_reads_the_same_or_is_left_to_python(
    kind: str, talker: str
) -> None:
    read = 0
    for fields in TYPICAL[kind]:
        for place in range(len(fields)):
            for odd in ODD_FIELDS:
                changed = [*fields[:place], odd, *fields[place + 1 :]]
                read += check(framed(",".join([talker + kind, *changed]).encode()))
        for count in range(len(fields) + 1):
            shorter = [talker + kind, *fields[:count]]
            read += check(framed(",".join(shorter)))
            read += check(framed(",".join([*shorter, *["x"] * (len(fields) - count)])))
        for more in range(1, 10):
            read += check(framed(",".join([talker + kind, *fields, *[""] * more])))
    assert read > 0


TYPICAL: dict[str, list[list[str]]] = {
    kind: [fields.split(",") for fields in several]
    for kind, several in {
        "RMC": [
            "123519.00,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W,A,S",
            ",V,,,,,,,,,,N",
        ],
        "GGA": ["123519,4807.038,S,01131.000,W,4,08,0.9,545.4,M,46.9,M,1.2,0001", ",,,,,0,,,,,,,,"],
        "GNS": ["123519.5,4807.038,N,01131.000,E,AAN,08,0.9,545.4,46.9,,,V", ",,,,,,,,,,,"],
        "GLL": ["4807.038,N,01131.000,E,123519.00,A,A", ",,,,,V"],
        "VTG": [
            "084.4,T,077.1,M,022.4,N,041.5,K,A",
            "084.4,T,,M,022.4,N,,K",
            "84.4,77.1,22.4,41.5",
        ],
        "ZDA": ["123519.00,23,03,1994,00,00", "123519.00,,,"],
        "GSA": [
            "A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1,4",
            "A,3,70,80,,,,,,,,,,,2.5,1.3,2.1",
            "M,1,,,,,,,,,,,,,,,,",
        ],
        "GSV": [
            "2,1,08,01,40,083,46,02,17,308,41,1",
            "1,1,02,70,40,083,46,33,,,",
            "1,1,00",
            "4,1,14,04,,,32,12,46,282,30,0,4",
        ],
        "GST": ["123519.00,6.5,4.1,3.9,12.0,3.3,3.1,5.6"],
        "HDT": ["274.07,T", "274.07"],
        "THS": ["274.07,A", "274.07,V"],
    }.items()
}  # fmt: skip


@PATIENT
@given(NUMBERS)
def test_a_number_is_the_float_that_python_makes_of_it(text: str) -> None:
    line = framed(f"GNGGA,,,,,,1,,,{text},M,{text[:12]},M,,")
    reading = plain(line)
    if reading is not None and text:
        assert repr(reading[7]) == repr(float(text))
    check(line)


@pytest.mark.parametrize("text", ["545.4", "0", "-12.75", "90071992.54740992", "0.1", ".5", "5."])
def test_plain_numbers_are_not_left_to_python(text: str) -> None:
    reading = plain(framed(f"GNGGA,,,,,,1,,,{text},M,,M,,"))
    assert reading is not None
    assert reading[7] == float(text)


@pytest.mark.parametrize("talker", ["PA", "PG", "P0", "gN", "Gn", "0N", "G-", "G"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_no_talker_is_left_to_python(talker: str, kind: str) -> None:
    assert plain(framed(",".join([talker + kind, *TYPICAL[kind][0]]))) is None


def test_lines_of_132_bytes_are_plain_and_longer_ones_are_not() -> None:
    body = "GNRMC,123519.00,A,4807.038,N,01131.000,E,022.4,084.4,230394,{},,A"
    longest = framed(body.format("x" * (132 - len(PLAIN))))
    assert len(longest) == 132
    assert check(longest)
    assert plain(framed(body.format("x" * (133 - len(PLAIN))))) is None


@given(st.lists(st.sampled_from([PLAIN, *OTHERS, PLAIN + PLAIN]), max_size=12))
def test_readings_keep_their_order_and_the_numbers_of_their_lines(lines: list[bytes]) -> None:
    assert by_core(lines) == by_core(tuple(lines)) == read_lines_in_python(lines, 1)


@pytest.mark.parametrize("max_fields", [0, 11, 12, 13, 64])
def test_a_lower_limit_of_fields_holds(max_fields: int) -> None:
    with reading_by("compiled"):
        read = read_lines([PLAIN] * 2, 1, max_fields=max_fields)
    assert read == read_lines_in_python([PLAIN] * 2, 1, max_fields=max_fields)
    assert isinstance(read[0][1], RMC) == (max_fields >= PLAIN.count(b","))


def test_an_error_of_the_python_code_comes_through() -> None:
    def fail(line: bytes, ordinal: int) -> list[Numbered]:
        raise LookupError(line, ordinal)

    assert core.read_lines is not None
    with pytest.raises(LookupError) as caught:
        core.read_lines([PLAIN, b"junk", PLAIN], 7, MAX_FIELDS, fail)
    assert caught.value.args == (b"junk", 8)


def test_a_list_that_shrinks_meanwhile_is_read_to_its_new_end() -> None:
    lines = [PLAIN, b"junk", PLAIN, PLAIN]

    def shrink(line: bytes, ordinal: int) -> list[Numbered]:
        lines.clear()
        return otherwise(line, ordinal)

    assert core.read_lines is not None
    assert len(core.read_lines(lines, 1, MAX_FIELDS, shrink)) == 2


def test_no_memory_and_no_reference_is_lost() -> None:
    good = [
        framed(",".join(["GN" + kind, *fields]))
        for kind, several in TYPICAL.items()
        for fields in several
    ]
    spoilt = [line[:-1] for line in good] + [framed(line[1:-9]) for line in good]
    lines = list(islice(cycle([*good, *spoilt, *OTHERS]), 10_000))

    def fail(line: bytes, ordinal: int) -> list[Numbered]:
        raise LookupError(ordinal)

    def read_all() -> None:
        assert core.read_lines is not None
        for _ in range(5):
            by_core(lines)
            for line in lines:
                plain(line)
            with pytest.raises(LookupError):
                core.read_lines(lines, 1, MAX_FIELDS, fail)

    def counts() -> tuple[int, ...]:
        gc.collect()
        of = (RMC, lines[0], fail, otherwise)
        return sys.getallocatedblocks(), sys.getrefcount(None), *map(sys.getrefcount, of)

    read_all()
    blocks, of_none, *others = counts()
    read_all()
    blocks_later, of_none_later, *others_later = counts()
    assert others_later == others
    assert abs(of_none_later - of_none) < 200
    assert abs(blocks_later - blocks) < 200
