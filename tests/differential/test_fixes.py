"""Fixes become the same bytes by compiled code as by Python, whatever they hold."""

from __future__ import annotations

import struct
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services import codec
from services.log.base import Entry
from services.model import Fix
from tests.core import blocks_kept_by, need_core
from tests.differential.records import fixes

FIX = Fix(
    terminal="TRUCK-1",
    time_us=1_735_700_000_000_000,
    time_of_day_us=10_000_000,
    lat=27.994,
    lon=120.699,
    altitude_m=12.0,
    geoid_separation_m=-0.0,
    speed_kmh=10 * 1.852,
    course_deg=None,
    heading_deg=None,
    fix="gnss",
    satellites_used=9,
    satellites_used_by=None,
    satellites_in_view_by=None,
    hdop=0.9,
    vdop=None,
    pdop=None,
    lat_error_m=None,
    lon_error_m=None,
    altitude_error_m=None,
    differential_age_s=None,
    talkers=("BD", "GN"),
    lines=2,
    received_at_us=1_735_700_000_100_000,
    run="0b1c",
)
LEAST, BEYOND = 0.001, 1e9
"""Magnitudes that compiled code writes, zero aside."""


@pytest.fixture(autouse=True, scope="module")
def _core() -> None:
    need_core()


def entries(given: list[Fix], *, compiled: bool) -> list[Entry]:
    """What the log would get."""
    found: list[Entry] = []
    with patch.object(codec, "add_plain_fixes", codec.add_plain_fixes if compiled else None):
        size = codec.add_fixes(found, given, Entry)
    assert size == sum(len(entry.value or b"") for entry in found)
    assert all(type(entry) is Entry for entry in found)
    return found


def is_plain(fix: Fix) -> bool:
    """Whether compiled code writes it."""
    assert codec.add_plain_fixes is not None
    return codec.add_plain_fixes([], [fix], 0, Entry)[0] == 1


def bits_of(number: float) -> int:
    return int.from_bytes(struct.pack(">d", number))


@given(st.lists(fixes(), max_size=4))
@settings(max_examples=800)
def test_fixes_become_the_same_records(given: list[Fix]) -> None:
    assert entries(given, compiled=True) == entries(given, compiled=False)


@given(
    st.one_of(
        st.floats(allow_nan=True, allow_infinity=True),
        st.floats(-180, 180),
        # Every bit pattern of the range, as likely as any other.
        st.integers(bits_of(LEAST), bits_of(BEYOND)).map(
            lambda bits: struct.unpack(">d", bits.to_bytes(8))[0]
        ),
        st.decimals(-(10**9), 10**9, allow_nan=False, places=4).map(float),
        st.integers(-29, 29).map(lambda power: 2.0**power),
        st.integers(0, 10**7).map(lambda knots: knots / 1000 * 1.852),
    )
)
@example(0.0)
@example(-0.0)
@example(LEAST)
@example(5e-324)
@example(999_999_999.9999999)
@settings(max_examples=4_000)
def test_a_number_becomes_the_same_digits(number: float) -> None:
    fix = FIX._replace(lat=number)
    assert entries([fix], compiled=True) == entries([fix], compiled=False)


@given(st.floats(LEAST, BEYOND, exclude_max=True), st.sampled_from([1, -1]))
@settings(max_examples=1_000)
def test_compiled_code_writes_all_numbers_that_are_no_powers_of_two(
    number: float, sign: int
) -> None:
    assert is_plain(FIX._replace(lat=sign * number)) or number.hex().startswith("0x1.0000000000000")


@pytest.mark.parametrize(
    "fix",
    [
        FIX._replace(terminal='TRUCK"1'),
        FIX._replace(terminal="卡车"),
        FIX._replace(run="a\\b"),
        FIX._replace(run="x" * 129),
        FIX._replace(lat=28),
        FIX._replace(lines=2**63),
        FIX._replace(lines=True),
        FIX._replace(talkers=("GN",) * 17),
        FIX._replace(satellites_used_by={str(number): 1 for number in range(17)}),
        FIX._replace(lon=1e-4),
        FIX._replace(lon=1e9),
    ],
)
def test_compiled_code_leaves_what_is_not_plain(fix: Fix) -> None:
    assert not is_plain(fix)
    assert is_plain(FIX)


def test_the_largest_plain_fix_has_room() -> None:
    names = [f"{number:02}" + "x" * 126 for number in range(16)]
    reals = [name for name in Fix._fields if name.endswith(("_m", "_deg", "_kmh", "dop", "_s"))]
    fix = FIX._replace(
        terminal="T" * 128,
        run="r" * 128,
        talkers=tuple(names),
        satellites_used_by=dict.fromkeys(names, -(2**63)),
        satellites_in_view_by=dict.fromkeys(names, -(2**63)),
        time_us=-(2**63),
        **dict.fromkeys(["lat", "lon", *reals], -123_456_789.12345678),
    )
    assert is_plain(fix)
    assert entries([fix], compiled=True) == entries([fix], compiled=False)


def test_a_fix_that_is_not_plain_keeps_its_place_among_the_others() -> None:
    odd = FIX._replace(lat=28)
    given = [FIX, odd, FIX, FIX, odd]
    assert entries(given, compiled=True) == entries(given, compiled=False)


def test_compiled_code_keeps_nothing_of_the_fixes() -> None:
    given = [FIX, FIX._replace(lines=True), FIX._replace(satellites_used_by={"gps": 4})]
    assert blocks_kept_by(lambda: entries(given, compiled=True)) < 200
