"""``dipper zones validate``: what a zone file holds, or everything that is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.tools.formatting import format_time
from services.zones.geojson import ZoneFileError, load_zones
from services.zones.zone import Circle, Zone, area_km2

STANDARD_INPUT = "-"
PIPE_WIDTH = 240


def read_zone_file(path: str) -> list[Zone]:
    """The zones of one GeoJSON file; ``-`` is standard input.

    Raises ZoneFileError, for a file that can't be read too.
    """
    try:
        text = sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
    except OSError as error:
        raise ZoneFileError([f"{path}: can't be read: {error.strerror or error}"]) from error
    return load_zones(text, "standard input" if path == STANDARD_INPUT else path)


def read_zone_files(paths: Sequence[str]) -> list[Zone]:
    """The zones of all files together. Raises ZoneFileError with the problems of all of them, an
    id that two files share included."""
    zones: list[Zone] = []
    problems: list[str] = []
    files: dict[str, str] = {}
    for path in paths:
        try:
            read = read_zone_file(path)
        except ZoneFileError as error:
            problems += error.problems
            continue
        problems += _shared_ids(read, path, files)
        zones += read
    if problems:
        raise ZoneFileError(problems)
    return zones


def run_validate(paths: Sequence[str]) -> int:
    """``dipper zones validate``: tables to standard output, problems to standard error. Returns
    the exit code."""
    # In a pipe there is no width to keep to, and a folded id can't be searched for.
    out = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    return validate_zone_files(paths, out, talk=sys.stderr)


def validate_zone_files(paths: Sequence[str], out: Console, *, talk: TextIO) -> int:
    """A table of each sound file to ``out``, every problem as a line to ``talk``.

    Returns the exit code: 0 if all files can be used together, else 1.
    """
    files: dict[str, str] = {}
    sound = True
    for path in paths:
        try:
            zones = read_zone_file(path)
        except ZoneFileError as error:
            problems: Sequence[str] = error.problems
        else:
            out.print(zone_table(path, zones))
            problems = _shared_ids(zones, path, files)
        for problem in problems:
            print(problem, file=talk)
        sound = sound and not problems
    return 0 if sound else 1


def zone_table(title: str, zones: Sequence[Zone]) -> Table:
    """One row a zone: id, kind, version, how large it is, when it counts."""
    table = Table(title=Text(f"{title}: {len(zones)} zones"), title_justify="left")
    for heading in ("id", "kind", "version", "size", "validity"):
        table.add_column(heading, overflow="fold")
    for zone in zones:
        cells = (zone.id, zone.kind, zone.version, _size(zone), _validity(zone))
        # Text, because an id may hold what rich would read as markup.
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _shared_ids(zones: Sequence[Zone], path: str, files: dict[str, str]) -> list[str]:
    """Problems with ids that an earlier file has; notes these zones' ids in ``files``."""
    problems = [
        f"{path}: zone {zone.id!r}: duplicate id: {files[zone.id]} has it too"
        for zone in zones
        if zone.id in files
    ]
    files.update((zone.id, path) for zone in zones if zone.id not in files)
    return problems


def _size(zone: Zone) -> str:
    if isinstance(zone.shape, Circle):
        return f"radius {zone.shape.radius_m:,.0f} m"
    return f"{area_km2(zone.shape):,.3f} km²"


def _validity(zone: Zone) -> str:
    if zone.valid_from_us is None and zone.valid_until_us is None:
        return "always"
    start = "" if zone.valid_from_us is None else f"from {format_time(zone.valid_from_us)}"
    end = "" if zone.valid_until_us is None else f"until {format_time(zone.valid_until_us)}"
    return f"{start} {end}".strip()
