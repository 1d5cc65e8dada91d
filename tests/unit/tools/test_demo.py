from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from services.nmea.stream import Stream
from services.tools.demo_data import (
    FLEET_SECONDS,
    FLEET_SEED,
    FLEET_START_US,
    SHIPS,
    VEHICLES,
    write_fleet_captures,
    write_real_captures,
    zones_file,
)
from services.tools.demo_tables import (
    Crossing,
    TerminalRow,
    crossings_table,
    ledger_table,
    terminals_table,
)
from services.tools.fleet import make_fleet
from services.tools.fleet.terminal import state
from services.tools.local_pipeline import LocalPipeline, PipelineError
from services.zones.geojson import load_zones
from services.zones.index import ZoneIndex


def test_the_fleet_crosses_every_demonstration_zone():
    zones = load_zones(zones_file().read_bytes(), "zones")
    index = ZoneIndex(zones)
    crossed: set[str] = set()
    times = range(FLEET_START_US, FLEET_START_US + FLEET_SECONDS * 1_000_000, 10_000_000)
    for terminal in make_fleet(VEHICLES, SHIPS, FLEET_SEED):
        inside: set[str] = set()
        for time_us in times:
            where = state(terminal, time_us)
            now = set(index.containing(where.lat, where.lon, time_us))
            crossed |= now ^ inside
            inside = now
    assert crossed == {zone.id for zone in zones}


def test_real_captures_are_sent_without_comments_and_hold_positions(tmp_path):
    streams = write_real_captures(tmp_path)
    assert len(streams) == 4
    for stream in streams:
        data = stream.file.read_bytes()
        assert b"#" not in data
        decoder = Stream(stream.terminal)
        fixes = [*decoder.feed(data, 0).fixes, *decoder.finish(0).fixes]
        assert any(fix.lat is not None and fix.time_us is not None for fix in fixes)


def test_two_of_the_real_captures_are_of_beidou_receivers(tmp_path):
    data = [stream.file.read_bytes() for stream in write_real_captures(tmp_path)]
    assert sum(b"$BDGSV" in one or b"$GBGSV" in one for one in data) >= 2


LEDGER = {
    "lines": {"read": 12, "used": 9, "rejected": {"checksum_wrong": 2, "unsupported": 1}},
    "fixes": {"published": 4, "stored": 3, "duplicate": 1, "dead_lettered": {}, "in_flight": 0},
    "events": {"published": 2, "stored": 2, "duplicate": 0},
}
TIME = datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)


def shown(table) -> str:
    output = io.StringIO()
    Console(file=output, width=100).print(table)
    return output.getvalue()


def test_the_ledger_says_what_became_of_everything():
    text = shown(ledger_table(LEDGER))
    assert "9 used + 2 checksum_wrong + 1 unsupported" in text
    assert "3 stored + 1 duplicate" in text


def test_a_hundred_columns_hold_the_table_of_terminals_uncut(tmp_path):
    order = [
        (stream.terminal, stream.what)
        for stream in (*write_real_captures(tmp_path), *write_fleet_captures(tmp_path))
    ]
    rows = [TerminalRow(name, 12_345, 12_345, TIME, TIME, 13) for name, _ in order]
    text = shown(terminals_table(order, rows))
    assert "…" not in text
    assert text.count("12,345") == 2 * len(order)


def test_a_terminal_of_which_nothing_is_stored_is_shown_with_nothing():
    row = shown(terminals_table([("silent", "a receiver")], [])).splitlines()[-2]
    assert row.split() == ["silent", "a", "receiver", "0", "0", "–", "–"]


def test_zone_events_are_shown_in_their_order():
    text = shown(crossings_table([Crossing(TIME, "V001", "enter", "port-circle")]))
    assert "2025-10-09 08:53:20  V001      enter  port-circle" in text


async def test_a_pipeline_that_does_not_start_says_why(tmp_path):
    zones = tmp_path / "zones.geojson"
    zones.write_text('{"type": "Banana"}')
    with pytest.raises(PipelineError, match=r"ended by itself: .*Banana"):
        async with LocalPipeline(tmp_path / "data", zones):
            pass
