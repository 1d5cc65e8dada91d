"""Conversion of fields: what is accepted, to which value, and what is not."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.nmea.fields import (
    COUNTS,
    DATE_DAYS,
    LETTERS,
    STATUS,
    TIME_OF_DAY_US,
    FieldError,
    Memo,
    altitude_m,
    course_deg,
    knots_kmh,
    number,
    position,
)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", None),
        (b"000000", 0),
        (b"074150.799", 27_710_799_000),
        (b"235959.999999", 86_399_999_999),
        (b"235959.9999999", 86_399_999_999),
        (b"235960.50", 86_400_500_000),
        (b"120000.", 43_200_000_000),
    ],
)
def test_a_time_becomes_microseconds_since_midnight(sent: bytes, expected: int | None) -> None:
    assert TIME_OF_DAY_US[sent] == expected


@pytest.mark.parametrize(
    "sent",
    [
        b"240000",
        b"236000",
        b"120061",
        b"12000",
        b"1200",
        b"12:00:00",
        b"120000,5",
        b"120000.5x",
        b"-10000",
        b"1200 0",
        b"120000.1.2",
        b"120000.\xd9\xa1",
        b"X20000",
        b"1200000",
    ],
)
def test_no_time_of_day_is_a_field_error(sent: bytes) -> None:
    with pytest.raises(FieldError, match="time"):
        TIME_OF_DAY_US[sent]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"220899", date(1999, 8, 22)),
        (b"060180", date(1980, 1, 6)),
        (b"311279", date(2079, 12, 31)),
        (b"290224", date(2024, 2, 29)),
    ],
)
def test_two_digits_of_the_year_turn_in_1980(sent: bytes, expected: date) -> None:
    assert DATE_DAYS[sent] == (expected - date(1970, 1, 1)).days


@pytest.mark.parametrize("sent", [b"290225", b"000000", b"311399", b"2208-1", b"10125", b"1.1.25"])
def test_no_date_is_a_field_error(sent: bytes) -> None:
    with pytest.raises(FieldError, match="date"):
        DATE_DAYS[sent]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ((b"5327.03942", b"N", b"00214.42462", b"W"), (53 + 27.03942 / 60, -(2 + 14.42462 / 60))),
        ((b"0000.0000", b"S", b"00000.0000", b"W"), (0.0, 0.0)),
        ((b"9000.0", b"S", b"18000.0", b"E"), (-90.0, 180.0)),
        ((b"4828.10", b"N", b"1353.52", b"E"), (48 + 28.1 / 60, 13 + 53.52 / 60)),
        ((b"2830", b"N", b"12045", b"E"), (28.5, 120.75)),
        ((b"", b"", b"", b""), (None, None)),
        ((b"", b"N", b"", b"E"), (None, None)),
        # Unicore's UM981 says west twice.
        ((b"5327.5", b"N", b"-0214.5", b"W"), (53 + 27.5 / 60, -(2 + 14.5 / 60))),
    ],
)
def test_a_position_becomes_signed_degrees(
    sent: tuple[bytes, bytes, bytes, bytes], expected: tuple[float | None, float | None]
) -> None:
    assert position(*sent) == (pytest.approx(expected[0], abs=1e-12), pytest.approx(expected[1]))


def test_south_and_west_of_zero_are_plain_zero() -> None:
    assert str(position(b"0000.0", b"S", b"00000.0", b"W")) == "(0.0, 0.0)"


@pytest.mark.parametrize(
    "sent",
    [
        (b"5360.0", b"N", b"00214.4", b"W"),
        (b"9000.1", b"N", b"00214.4", b"W"),
        (b"5327.0", b"N", b"18000.1", b"W"),
        (b"5327.0", b"N", b"00260.0", b"W"),
        (b"-5327.0", b"N", b"00214.4", b"W"),
        (b"5327.0", b"N", b"-0214.4", b"E"),
        (b"-0050.5", b"N", b"00214.4", b"E"),
        (b"5327.0", b"", b"00214.4", b"W"),
        (b"5327.0", b"E", b"00214.4", b"W"),
        (b"5327.0", b"N", b"00214.4", b"S"),
        (b"", b"N", b"00214.4", b"W"),
        (b"5327.0", b"N", b"", b"W"),
        (b"nan", b"N", b"00214.4", b"W"),
        (b"5327.0", b"N", b"inf", b"W"),
        (b"53x7.0", b"N", b"00214.4", b"W"),
    ],
)
def test_no_position_is_an_error(sent: tuple[bytes, bytes, bytes, bytes]) -> None:
    with pytest.raises(ValueError, match=r"position|float"):
        position(*sent)


@given(
    st.integers(0, 89), st.integers(0, 179), st.integers(0, 59_999_999), st.integers(0, 59_999_999)
)
def test_degrees_are_as_exact_as_floats_allow(
    lat: int, lon: int, lat_minutes: int, lon_minutes: int
) -> None:
    sent_lat = f"{lat:02d}{lat_minutes // 10**6:02d}.{lat_minutes % 10**6:06d}".encode()
    sent_lon = f"{lon:03d}{lon_minutes // 10**6:02d}.{lon_minutes % 10**6:06d}".encode()
    got = position(sent_lat, b"S", sent_lon, b"E")
    expected = (-(lat + lat_minutes / 60e6), lon + lon_minutes / 60e6)
    assert got == (pytest.approx(expected[0], abs=1e-12), pytest.approx(expected[1], abs=1e-12))


@pytest.mark.parametrize(
    "sent", [b"x", b"-0.1", b"360.1", b"nan", b"inf", b"1.2.3", b"--1", b"\xff"]
)
def test_a_course_outside_0_to_360_is_an_error(sent: bytes) -> None:
    with pytest.raises(ValueError, match=r"course|float"):
        course_deg(sent)


def test_numbers_keep_their_sign_and_empty_stays_none() -> None:
    assert altitude_m(b"-30.40") == -30.4
    assert course_deg(b"360.0") == 360.0
    assert knots_kmh(b"10") == pytest.approx(18.52)
    assert altitude_m(b"") is course_deg(b"") is knots_kmh(b"") is None
    assert str(number("any", b"-0.0", -1.0, 1.0)) == "0.0"


def test_tables_take_what_they_list_and_nothing_else() -> None:
    assert (COUNTS[b""], COUNTS[b"007"], COUNTS[b"07"], COUNTS[b"999"]) == (None, 7, 7, 999)
    assert (LETTERS[b""], LETTERS[b"D"]) == (None, "D")
    assert (STATUS[b"A"], STATUS[b"V"], STATUS[b""]) == (True, False, False)
    for table, sent in ((COUNTS, b"1.5"), (COUNTS, b"-1"), (LETTERS, b"a"), (STATUS, b"X")):
        with pytest.raises(FieldError):
            table[sent]


def test_a_memo_forgets_all_at_its_bound() -> None:
    memo = Memo(len, bound=2)
    assert [memo[b"a"], memo[b"bb"], memo[b"ccc"], memo[b"a"]] == [1, 2, 3, 1]
    assert list(memo) == [b"ccc", b"a"]


def test_a_memo_keeps_no_errors() -> None:
    memo = Memo(int)
    with pytest.raises(ValueError, match="int"):
        memo["x"]
    assert not memo
