"""What a process says of itself: once a minute of a kind, and how often it held its tongue."""

from __future__ import annotations

import io
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.logs import FORMAT, CoarseFormatter, OncePerMinute, coarse


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def record(level: int, text: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("services.x", level, __file__, 1, text, arguments, None)


def test_a_warning_of_a_kind_is_let_through_once_a_minute_with_the_number_held_back() -> None:
    clock = Clock()
    once = OncePerMinute(clock)
    told = [once.filter(record(logging.WARNING, "%s: %s", "Kafka", n)) for n in range(4)]
    assert told == [True, False, False, False]
    clock.now += 61
    again = record(logging.WARNING, "%s: %s", "Kafka", 4)
    assert once.filter(again)
    assert again.getMessage() == "Kafka: 4 (and 3 more like it)"


def test_warnings_about_different_things_do_not_hide_one_another() -> None:
    once = OncePerMinute(Clock())
    assert once.filter(record(logging.WARNING, "%s: %s", "Kafka", "away"))
    assert once.filter(record(logging.WARNING, "%s: %s", "database", "away"))


def test_information_always_passes() -> None:
    once = OncePerMinute(Clock())
    assert all(once.filter(record(logging.INFO, "%s joined", "enrich")) for _ in range(3))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("refused: $GNRMC,085320.00,A,2800.1234,N,12039.9,E,,*7A", "refused: $GNRMC,…*7A"),
        ("b'$BDGGA,085320,2800.1234,N'", "b'$BDGGA,…"),
        ("!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0*24", "!AIVDM,…*24"),
        ("$PDPR,LOGIN,SHIP-1,secret*00", "$PDPR,…*00"),
        ('{"lat":28.01,"lon":-120.65}', '{"lat":28.0,"lon":-120.7}'),
        ("Failing row contains (2025-10-09 08:53:20+00, 28.002057, 120.665, 3)",
         "Failing row contains (2025-10-09 08:53:20+00, 28.0, 120.7, 3)"),
        ("at lat=28.01, lon = 120.66.", "at lat=28.0, lon = 120.7."),
        ("latitude: 28.01", "latitude: 28.0"),
        ("it was 28.00206.", "it was 28.0."),
        ("2800.12345,N", "2800.1,N"),
    ],
)  # fmt: skip
def test_no_sentence_and_no_position_is_told(text: str, told: str) -> None:
    assert coarse(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "Kafka at 10.123.45.67:9092 does not answer",
        "TimescaleDB 2.19.3",
        "no answer in 0.25 s",
        "connection 192.168.100.200",
        "at 1760000000.123456",
        "2026-11-23 00:07:27,889 INFO",
        "DIPPER_DSN=postgresql://host:5432/dipper",
        "costs $5, and more",
    ],
)
def test_what_is_no_position_stays_as_it_is(text: str) -> None:
    assert coarse(text) == text


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_a_position_in_any_form_of_python_keeps_one_decimal(lat: float, lon: float) -> None:
    text = coarse(f"{lat:.7f} {lon!r} ({lat:.3f}, {lon:.5f})")
    shown = re.sub(r"e-\d+", "", text)
    assert not re.search(r"\d\.\d{3,}", shown)


def test_an_exception_is_told_without_positions_too() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(CoarseFormatter(FORMAT))
    logger = logging.Logger("x")
    logger.addHandler(handler)
    try:
        float("28.002057N")
    except ValueError:
        logger.exception("position %s", 28.002057)
    assert "28.002" not in stream.getvalue()
    assert "28.0N" in stream.getvalue()
