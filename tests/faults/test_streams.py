"""What the fault runs send is as much as they promise, and the checker reads it as it is meant."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.faults.decoding import Zones, expect
from tests.faults.streams import START, Shape, line, make_streams, write_zones


def test_a_run_has_20000_fixes_of_200_terminals_and_2000_transitions(tmp_path: Path) -> None:
    write_zones(tmp_path / "zones.geojson")
    zones = Zones(tmp_path / "zones.geojson")
    streams = make_streams(Shape(), seed=1)
    expected = [expect(one.terminal, one.lines, zones) for one in streams]
    assert len({one.terminal for one in streams}) == 200
    assert sum(len(one.fixes) for one in expected) >= 20_000
    assert sum(len(one.crossings) for one in expected) >= 2_000


def test_a_seed_gives_the_same_streams_again_and_another_gives_others() -> None:
    small = Shape(terminals=3, epochs=20, disorder=0.2, duplicates=0.2)
    assert make_streams(small, 7) == make_streams(small, 7)
    assert make_streams(small, 7) != make_streams(small, 8)


def test_the_checker_reads_an_epoch_by_the_standard(tmp_path: Path) -> None:
    write_zones(tmp_path / "zones.geojson")
    lines = [
        line(b"GNRMC,235959.00,A,2730.00000,S,12015.00000,W,10.0,90.5,050326,,,A"),
        line(b"GNGGA,235959.00,2730.00000,S,12015.00000,W,1,07,1.5,-3.5,M,9.8,M,,"),
        b"no sentence\r\n",
        line(b"GNRMC,000000.00,V,,,,,,,060326,,,N"),
    ]
    found = expect("T-1", lines, Zones(tmp_path / "zones.geojson"))
    first, second = found.fixes.items()
    assert first[0] == datetime(2026, 3, 5, 23, 59, 59, tzinfo=UTC)
    assert first[1] == (-27.5, -120.25, -3.5, 18.52, 90.5, 1.5, 7, 1)
    assert second[0] == datetime(2026, 3, 6, tzinfo=UTC)
    assert second[1].lat is None
    assert found.rubbish == 1


def test_late_fixes_move_nobody(tmp_path: Path) -> None:
    write_zones(tmp_path / "zones.geojson")
    zones = Zones(tmp_path / "zones.geojson")
    (stream,) = make_streams(Shape(terminals=1, epochs=60, rubbish=0, without_fix=0), 3)
    late = stream.lines[2:4]
    moved = (*stream.lines[:2], *stream.lines[4:10], *late, *stream.lines[10:])
    found = expect("T-1", moved, zones)
    assert {at.second - START.second for at in found.late} == {1}
    assert all(crossing.time not in found.late for crossing in found.crossings)
