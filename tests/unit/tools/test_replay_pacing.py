from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tools.replay_pacing import LineJoiner, Pacer, bursts
from services.tools.sentence import sentence

NINE = (9 * 3600 + 8 * 60 + 7) * 1_000_000


@pytest.mark.parametrize(
    ("line", "time"),
    [
        (sentence(b"GNRMC,090807.250,A,,,,,,,010125,,,A"), NINE + 250_000),
        (sentence(b"BDGGA,090807,,,,,0,00,,,M,,M,,"), NINE),
        (sentence(b"GBGNS,090807.5,,,,,NN,00,,,,,"), NINE + 500_000),
        (sentence(b"GNGLL,2800.1,N,12040.2,E,090807.00,A,A"), NINE),
        (sentence(b"GLGLL,,,,,090807.00,V,N"), NINE),
        (sentence(b"GPZDA,090807.00,01,01,2025,,"), NINE),
        (b"$GPZDA,090807.00,01,01,2025,,\r\n", NINE),
        (b"$GPZDA,090807.00,01,01,2025,,*00\r\n", None),
        (sentence(b"GPZDA,250807.00,01,01,2025,,"), None),
        (sentence(b"GPRMC,,V,,,,,,,,,,N"), None),
        (sentence(b"GPVTG,090807,T,,M,,N,,K,N"), None),
    ],
)
def test_times_are_found_in_sentences_that_carry_one(line, time):
    assert [burst.time_of_day_us for burst in bursts(line)] == [time]


def test_a_burst_holds_everything_up_to_the_next_time():
    first = sentence(b"GNGGA,000001,,,,,0,,,,,,,,") + sentence(b"GNRMC,000001,V,,,,,,,,,,N")
    second = sentence(b"GNGLL,,,,,000002,V,N")
    assert [tuple(burst) for burst in bursts(b"\x01\x02" + first + second)] == [
        (None, b"\x01\x02"),
        (1_000_000, first),
        (2_000_000, second),
    ]


@given(st.binary(max_size=300))
def test_bursts_together_are_the_bytes(data):
    assert b"".join(burst.data for burst in bursts(data)) == data


@given(st.lists(st.binary(max_size=40) | st.just(b"\r\n") | st.just(b"x" * 700)))
def test_joining_lines_changes_no_byte(pieces):
    joiner = LineJoiner()
    joined = b"".join(map(joiner.feed, pieces))
    assert joined + joiner.finish() == b"".join(pieces)


def test_joining_ends_at_a_line_end():
    joiner = LineJoiner()
    assert joiner.feed(b"$GNRMC,0908") == b""
    assert joiner.feed(b"07,A\r\n$GN") == b"$GNRMC,090807,A\r\n"


def test_a_line_without_an_end_is_not_held_back_for_ever():
    joiner = LineJoiner()
    assert joiner.feed(b"x" * 5000) == b"x" * 5000


def seconds(*times: float) -> list[int]:
    return [round(time * 1_000_000) for time in times]


@pytest.mark.parametrize(
    ("times", "due"),
    [
        pytest.param([5, 6, 8.5], [0, 1, 3.5], id="forward"),
        pytest.param([86_399, 0.5], [0, 1.5], id="midnight"),
        pytest.param([10, 12, 11, 13], [0, 2, 2, 3], id="a late sentence does not slow it down"),
        pytest.param([5000, 6, 8], [0, 0, 2], id="back to an earlier recording"),
        pytest.param([0, 3600, 3601], [0, 60, 61], id="a long gap"),
    ],
)
def test_due_times(times, due):
    pacer = Pacer(1, lambda _: None)
    assert [pacer.due_s(time) for time in seconds(*times)] == pytest.approx(due)


def test_a_gap_that_is_shortened_is_told():
    told: list[float] = []
    pacer = Pacer(10, told.append)
    for time in seconds(0, 60, 3660):
        pacer.due_s(time)
    assert told == [3600]


def test_another_capture_follows_without_a_wait():
    pacer = Pacer(1, lambda _: None)
    pacer.due_s(0)
    pacer.restart()
    assert pacer.due_s(30_000_000) == 0
