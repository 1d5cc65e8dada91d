"""What ``dipper zones validate`` and ``dipper events`` print, and their exit codes."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import services.tools
from services.tools.events import write_events
from services.tools.formatting import format_time
from services.tools.sentence import sentence
from services.tools.zones import read_zone_files, validate_zone_files
from services.zones.geojson import ZoneFileError

DEMONSTRATION = Path(services.tools.__file__).parent / "data" / "wenzhou_zones.geojson"


def capture(latitudes: list[float]) -> bytes:
    """RMC at one fix a second, at longitude 121° E on 2026-01-31."""
    lines = []
    for second, lat in enumerate(latitudes):
        degrees, minutes = divmod(lat * 60, 60)
        body = f"BDRMC,0800{second:02}.000,A,{degrees:02.0f}{minutes:07.4f},N,12100.0000,E,5.0,0.0"
        lines.append(sentence(f"{body},310126,,,A".encode()))
    return b"".join(lines)


@pytest.fixture
def zones(tmp_path: Path) -> str:
    place = {"type": "Point", "coordinates": [121.0, 28.0]}
    properties = {"radius": 1000, "version": "1"}
    zone = {"type": "Feature", "id": "port", "geometry": place, "properties": properties}
    path = tmp_path / "zones.geojson"
    path.write_text(json.dumps(zone))
    return str(path)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], str]:
    def write(name: str, data: bytes) -> str:
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    return write


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def events(files: list[str], zones: str) -> list[dict[str, Any]]:
    out, talk = io.BytesIO(), io.StringIO()
    assert write_events(files, "truck-1", [zones], out, talk=talk) == 0, talk.getvalue()
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("time_us", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_769_846_400_250_000, "2026-01-31T08:00:00.250Z"),
        (1_769_846_400_000_001, "2026-01-31T08:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_is_written_in_rfc_3339(time_us: int, text: str) -> None:
    assert format_time(time_us) == text


def test_events_writes_entering_and_leaving(zones: str, write: Callable[..., str]) -> None:
    entered, left = events([write("a.nmea", capture([27.9, 28.0, 28.001, 28.1]))], zones)
    assert entered == {
        "id": entered["id"],
        "terminal": "truck-1",
        "zone": "port",
        "zone_version": "1",
        "kind": "enter",
        "time": "2026-01-31T08:00:01.000Z",
        "lat": 28.0,
        "lon": 121.0,
    }
    assert (left["kind"], left["time"]) == ("exit", "2026-01-31T08:00:03.000Z")
    assert left["id"] != entered["id"]


def test_several_files_are_one_history_and_gzip_is_unpacked(
    zones: str, write: Callable[..., str]
) -> None:
    whole = capture([27.9, 28.0, 28.0, 28.1])
    lines = whole.splitlines(keepends=True)
    first = write("1.nmea", b"".join(lines[:2]))
    second = write("2.nmea.gz", gzip.compress(b"".join(lines[2:])))
    assert events([first, second], zones) == events([write("whole.nmea", whole)], zones)


def test_an_output_that_can_not_be_written_is_named(zones: str, write: Callable[..., str]) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    talk = io.StringIO()
    path = write("a.nmea", capture([28.0]))
    assert write_events([path], "truck-1", [zones], Full(), talk=talk) == 1
    assert talk.getvalue() == "cannot write the output: No space left on device\n"


def test_events_names_a_capture_that_is_not_there(zones: str) -> None:
    talk = io.StringIO()
    assert write_events(["missing.nmea"], "truck-1", [zones], io.BytesIO(), talk=talk) == 1
    assert "missing.nmea" in talk.getvalue()


def test_events_names_the_problems_of_a_zone_file(write: Callable[..., str]) -> None:
    talk = io.StringIO()
    bad = write("bad.geojson", b'{"type": "Feature", "id": "[red]"}')
    assert write_events([], "truck-1", [bad], io.BytesIO(), talk=talk) == 1
    assert "bad.geojson: features[0] '[red]': no geometry" in talk.getvalue()


def test_validate_shows_a_sound_file_as_a_table() -> None:
    out, talk = Console(file=io.StringIO(), width=100), io.StringIO()
    assert validate_zone_files([str(DEMONSTRATION)], out, talk=talk) == 0
    text = shown(out)
    assert "oujiang-restricted-water" in text
    assert "radius 3,500 m" in text
    assert "km²" in text
    assert talk.getvalue() == ""


def test_validate_reports_every_problem_of_every_file_and_fails(
    zones: str, write: Callable[..., str]
) -> None:
    out, talk = Console(file=io.StringIO(), width=100), io.StringIO()
    bad = write("bad.geojson", b"[]")
    again = write("again.geojson", Path(zones).read_bytes())
    assert validate_zone_files([bad, zones, again, "gone"], out, talk=talk) == 1
    said = talk.getvalue().splitlines()
    assert len(said) == 3
    assert "not GeoJSON" in said[0]
    assert f"zone 'port': duplicate id: {zones} has it too" in said[1]
    assert said[2] == "gone: can't be read: No such file or directory"


def test_validate_shows_validity(write: Callable[..., str]) -> None:
    properties = {"radius": 5, "valid_from": "2026-01-01T00:00:00+08:00"}
    place = {"type": "Point", "coordinates": [0, 0]}
    zone = {"type": "Feature", "id": "a", "geometry": place, "properties": properties}
    out = Console(file=io.StringIO(), width=100)
    path = write("z.geojson", json.dumps(zone).encode())
    assert validate_zone_files([path], out, talk=io.StringIO()) == 0
    text = shown(out)
    assert "from 2025-12-31" in text


def test_the_same_file_twice_shares_its_ids(zones: str) -> None:
    with pytest.raises(ZoneFileError, match="duplicate id"):
        read_zone_files([zones, zones])
