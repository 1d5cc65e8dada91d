from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.nmea.stream import Stream
from services.tools.captures import open_capture
from services.tools.fleet import (
    Faults,
    Terminal,
    capture,
    make_fleet,
    sentences,
    with_faults,
    write_captures,
)
from services.tools.fleet.motion import METRES_A_DEGREE, Journey
from services.tools.fleet.prepared import epoch, moment, prepare
from services.tools.fleet.routes import ROUTES
from services.tools.fleet.terminal import state
from services.tools.sentence import checksum_holds

START_US = 1_760_000_000_000_000
FLEET = make_fleet(vehicles=4, ships=4, seed=3)
# The years 2000 to 2079: others are not what two digits of a year mean.
TIMES = st.integers(946_684_800, 3_471_292_799).map(lambda seconds: seconds * 1_000_000)


def fixes_of(terminal: Terminal, data: bytes):
    stream = Stream(terminal.name)
    return [*stream.feed(data, 0).fixes, *stream.finish(0).fixes]


def metres(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    east = (lon_b - lon_a) * math.cos(math.radians(lat_a))
    return math.hypot(east, lat_b - lat_a) * METRES_A_DEGREE


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    first, again, other = (make_fleet(3, 3, seed=seed) for seed in (5, 5, 6))
    assert [sentences(t, START_US) for t in first] == [sentences(t, START_US) for t in again]
    assert [sentences(t, START_US) for t in first] != [sentences(t, START_US) for t in other]


@given(st.sampled_from(FLEET), TIMES)
def test_every_sentence_has_a_right_checksum_and_an_allowed_length(terminal, time_us):
    lines = sentences(terminal, time_us).split(b"\r\n")
    assert lines.pop() == b""
    for line in lines:
        assert b"*" in line
        assert checksum_holds(line)
        assert len(line) + 2 <= 82


@given(st.sampled_from(FLEET), TIMES)
def test_an_epoch_decodes_to_the_position_speed_and_time_that_were_meant(terminal, time_us):
    (fix,) = fixes_of(terminal, sentences(terminal, time_us))
    meant = state(terminal, time_us)
    assert fix.time_us == time_us
    assert metres(fix.lat, fix.lon, meant.lat, meant.lon) < 5
    assert fix.speed_kmh == pytest.approx(meant.speed_kmh, abs=0.02)
    assert fix.satellites_in_view_by is None or "beidou" in fix.satellites_in_view_by
    assert fix.fix == "gnss"


@pytest.mark.parametrize("terminal", FLEET, ids=lambda terminal: terminal.route.name)
def test_positions_follow_the_speed_without_jumps(terminal):
    states = [state(terminal, START_US + second * 1_000_000) for second in range(40_000)]
    for before, after in pairwise(states):
        way = metres(before.lat, before.lon, after.lat, after.lon)
        assert abs(way - (before.speed_kmh + after.speed_kmh) / 2 / 3.6) < 1.0


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_journey_stays_near_its_route_stops_and_keeps_its_speed(route):
    journey = Journey(route)
    states = [journey.at(second) for second in range(math.ceil(journey.duration_s))]
    west, east = min(p[0] for p in route.points), max(p[0] for p in route.points)
    south, north = min(p[1] for p in route.points), max(p[1] for p in route.points)
    assert all(west <= s.lon <= east and south <= s.lat <= north for s in states)
    assert max(s.speed_kmh for s in states) == pytest.approx(route.cruise_kmh, rel=0.01)
    standing = sum(s.speed_kmh == 0 for s in states)
    inner = sum(stop.seconds for stop in route.stops if 0 < stop.at < 1)
    ends = sum(stop.seconds for stop in route.stops if stop.at in (0, 1))
    assert standing == pytest.approx(2 * (inner + ends), abs=4 * len(route.stops))


def test_a_fleet_has_bd_gb_and_gn_talkers():
    stream = b"".join(sentences(terminal, START_US) for terminal in FLEET)
    for address in (b"$BDRMC", b"$GBRMC", b"$GNRMC", b"$BDGSV", b"$GBGSV", b"$GPGSV", b"$HEHDT"):
        assert address in stream


def test_captures_are_files_that_the_decoder_reads(tmp_path):
    paths = write_captures(tmp_path, FLEET[:2], START_US, seconds=10)
    for terminal, path in zip(FLEET, paths, strict=False):
        with open_capture(str(path)) as file:
            fixes = fixes_of(terminal, b"".join(file.chunks()))
        assert [fix.time_us for fix in fixes] == [
            START_US + second * 1_000_000 for second in range(10)
        ]


def test_ten_hertz_gives_ten_epochs_a_second():
    (terminal,) = make_fleet(1, 0, rate_hz=10)
    fixes = fixes_of(terminal, b"".join(capture(terminal, START_US, seconds=2)))
    assert [fix.time_us for fix in fixes] == [START_US + step * 100_000 for step in range(20)]


EPOCHS = [b"$GPTXT,%d*00\r\n" % number for number in range(2000)]


@pytest.mark.parametrize("share", [0.01, 0.3])
def test_missing_epochs_are_left_out(share):
    sent = list(with_faults(EPOCHS, Faults(missing=share), "x"))
    assert len(sent) == pytest.approx(2000 * (1 - share), rel=0.05)
    assert sent == sorted(sent, key=EPOCHS.index)


def test_epochs_out_of_order_are_late_but_not_lost():
    sent = list(with_faults(EPOCHS, Faults(out_of_order=0.05), "x"))
    assert sorted(sent) == sorted(EPOCHS)
    late = [epoch for before, epoch in pairwise(sent) if EPOCHS.index(epoch) < EPOCHS.index(before)]
    assert 50 < len(late) < 150


def test_corrupted_epochs_keep_their_lines():
    sent = list(with_faults(EPOCHS, Faults(corrupted=0.1), "x"))
    changed = [pair for pair in zip(sent, EPOCHS, strict=True) if pair[0] != pair[1]]
    assert 150 < len(changed) < 250
    for damaged, whole in changed:
        assert damaged.splitlines(keepends=True) != whole.splitlines(keepends=True)
        assert len(damaged.splitlines()) == 1


@given(TIMES)
def test_prepared_sentences_are_the_ones_that_the_decoder_expects(time_us):
    terminal = FLEET[0]
    (place,) = prepare(terminal, START_US, 1)
    data = epoch(place, moment(time_us))
    assert all(checksum_holds(line) for line in data.splitlines())
    (fix,) = fixes_of(terminal, data)
    meant = state(terminal, START_US)
    assert metres(fix.lat, fix.lon, meant.lat, meant.lon) < 1
    assert fix.time_us == time_us
    assert fix.lines == 2
