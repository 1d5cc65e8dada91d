"""What the demo streams: real captures of the package, and a small simulated fleet."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import NamedTuple

from services.tools.fleet import make_fleet, write_captures

FLEET_SEED = 23
"""With this one the fleet crosses every demonstration zone within its ten minutes."""
FLEET_START_US = 1_760_000_000_000_000
"""2025-10-09T08:53:20Z."""
FLEET_SECONDS = 600
VEHICLES = 7
SHIPS = 5

_CAPTURES = (
    ("beidou-bd", "BeiDou receiver, talker BD", "beidou-bd.log"),
    ("beidou-gb", "BeiDou receiver, talker GB", "beidou-gb.log"),
    ("quectel-l76k", "BeiDou module, 5 Hz", "quectel-l76k-nmea.log"),
    ("cold-start", "receiver from cold start", "nmea_with_sat_info.log"),
)


class Stream(NamedTuple):
    """One terminal's stream, ready to be replayed."""

    terminal: str
    what: str
    file: Path


def write_real_captures(folder: Path) -> list[Stream]:
    """The package's captures, without gpsd's comment lines. Raises OSError."""
    streams = []
    for terminal, what, name in _CAPTURES:
        packaged = resources.files("services.tools") / "data" / "captures" / name
        lines = packaged.read_bytes().splitlines(keepends=True)
        file = folder / name
        file.write_bytes(b"".join(line for line in lines if not line.startswith(b"#")))
        streams.append(Stream(terminal, what, file))
    return streams


def write_fleet_captures(folder: Path) -> list[Stream]:
    """Ten minutes of vehicles and ships round Wenzhou. Raises OSError."""
    fleet = make_fleet(VEHICLES, SHIPS, FLEET_SEED)
    files = write_captures(folder, fleet, FLEET_START_US, FLEET_SECONDS)
    return [
        Stream(terminal.name, f"{terminal.kind}, {terminal.route.name}", file)
        for terminal, file in zip(fleet, files, strict=True)
    ]


def zones_file() -> Path:
    """The demonstration zones."""
    with resources.as_file(resources.files("services.tools") / "data") as folder:
        return folder / "wenzhou_zones.geojson"
