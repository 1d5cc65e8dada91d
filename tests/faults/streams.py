"""What the terminals of a fault run send: streams and zones, all from one seed.

They wander over a chequerboard of zones, so that each changes zones every few epochs. The
whole stream of a terminal is made beforehand: what is sent again is a part of it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import xor
from pathlib import Path
from typing import NamedTuple

START = datetime(2026, 3, 5, 23, 59, 10, tzinfo=UTC)
"""Shortly before midnight: a date from anywhere but the stream is soon wrong."""
UNITS = 6_000_000
"""A degree in the unit of the sentences' last digit, 0.00001 minutes."""
SOUTH, WEST = 27, 120
SIDE_DEG = 2
CELL_DEG = 0.1
ZONE_DEG = 0.0612345
"""Odd numbers keep zone borders off the grid of positions."""
STEP_DEG = 0.014


class Shape(NamedTuple):
    """How big a run is and how its terminals misbehave. Shares are 0 to 1."""

    terminals: int = 200
    epochs: int = 102
    duplicates: float = 0.0
    """Of epochs that are sent a second time, at once or up to ten epochs later."""
    disorder: float = 0.0
    """Of epochs that are sent one to five epochs late."""
    rubbish: float = 0.02
    """Of epochs with a line before them that is none."""
    without_fix: float = 0.02


@dataclass(frozen=True, slots=True)
class Stream:
    """All that one terminal has to say."""

    terminal: str
    lines: tuple[bytes, ...]
    """Physical lines with their ends."""

    @property
    def blob(self) -> bytes:
        """The stream as bytes."""
        return b"".join(self.lines)


def line(body: bytes) -> bytes:
    """A sentence with checksum and CR LF."""
    return b"$%b*%02X\r\n" % (body, reduce(xor, body, 0))


def make_streams(shape: Shape, seed: int) -> list[Stream]:
    """One stream a terminal."""
    return [_stream(shape, seed, number) for number in range(shape.terminals)]


def write_zones(file: Path) -> None:
    """The zones: squares like a chequerboard, four large ones over them, and circles."""
    cells = round(SIDE_DEG / CELL_DEG)
    features = [
        _feature(
            f"cell-{row:02}-{column:02}",
            _square(SOUTH + row * CELL_DEG, WEST + column * CELL_DEG, ZONE_DEG),
        )
        for row in range(cells)
        for column in range(cells)
        if (row + column) % 2 == 0
    ]
    for number in range(4):
        south = SOUTH + 0.3217 + number // 2 * 0.9
        west = WEST + 0.2843 + number % 2 * 0.9
        features.append(_feature(f"large-{number}", _square(south, west, 0.5123)))
    for number in range(6):
        centre = {
            "type": "Point",
            "coordinates": [WEST + 0.2 + number * 0.31, SOUTH + 1.8 - number * 0.29],
        }
        features.append(_feature(f"circle-{number}", centre, radius=7_000 + 311 * number))
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def _feature(name: str, geometry: object, **properties: object) -> dict[str, object]:
    return {
        "type": "Feature",
        "id": name,
        "geometry": geometry,
        "properties": {"kind": "test", "version": f"{name}-v1", **properties},
    }


def _square(south: float, west: float, side: float) -> dict[str, object]:
    north, east = south + side, west + side
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _stream(shape: Shape, seed: int, number: int) -> Stream:
    deal = random.Random(f"stream {seed} {number}")
    epochs = _epochs(shape, deal, wordy=number % 5 == 4)
    lines: list[bytes] = []
    for place in _order(shape, deal):
        if deal.random() < shape.rubbish:
            lines.append(_rubbish(deal))
        lines += epochs[place]
    return Stream(f"F{seed % 1000:03}-{number:04}", tuple(lines))


def _order(shape: Shape, deal: random.Random) -> Sequence[int]:
    """Numbers of epochs in the order in which they are sent."""
    when: list[tuple[float, int]] = []
    for number in range(shape.epochs):
        # The first two come in order, as the late rule starts somewhere.
        late = deal.randint(1, 5) + 0.5 if number > 1 and deal.random() < shape.disorder else 0
        when.append((number + late, number))
        if deal.random() < shape.duplicates:
            when.append(
                (number + late + deal.choice((0.1, 3.2, deal.randint(1, 10) + 0.3)), number)
            )
    return [number for _, number in sorted(when)]


def _epochs(shape: Shape, deal: random.Random, *, wordy: bool) -> list[list[bytes]]:
    low, high = (0.02 * UNITS, (SIDE_DEG - 0.02) * UNITS)
    north, east = (deal.uniform(low, high) for _ in range(2))
    step_north, step_east = _heading(deal)
    epochs = []
    for number in range(shape.epochs):
        if deal.random() < 0.1:
            step_north, step_east = _heading(deal)
        if not low <= north + step_north <= high:
            step_north = -step_north
        if not low <= east + step_east <= high:
            step_east = -step_east
        north, east = north + step_north, east + step_east
        position = None if deal.random() < shape.without_fix else (round(north), round(east))
        at = START + timedelta(seconds=number)
        epochs.append(_sentences(at, position, deal, wordy=wordy))
    return epochs


def _heading(deal: random.Random) -> tuple[float, float]:
    share = deal.uniform(-1, 1)
    other = (1 - share * share) ** 0.5 * deal.choice((-1, 1))
    return share * STEP_DEG * UNITS, other * STEP_DEG * UNITS


def _sentences(
    at: datetime, position: tuple[int, int] | None, deal: random.Random, *, wordy: bool
) -> list[bytes]:
    clock, date = at.strftime("%H%M%S.00").encode(), at.strftime("%d%m%y").encode()
    if position is None:
        rmc = b"GNRMC,%b,V,,,,,,,%b,,,N" % (clock, date)
        gga = b"GNGGA,%b,,,,,0,00,99.9,,,,,," % clock
    else:
        place = _angle(SOUTH * UNITS + position[0], b"N", 2) + b","
        place += _angle(WEST * UNITS + position[1], b"E", 3)
        knots, course = deal.randrange(0, 900) / 10, deal.randrange(0, 3600) / 10
        rmc = b"GNRMC,%b,A,%b,%.1f,%.1f,%b,,,A" % (clock, place, knots, course, date)
        rest = (deal.randrange(4, 30), deal.randrange(5, 40) / 10, deal.randrange(-50, 9000) / 10)
        gga = b"GNGGA,%b,%b,1,%02d,%.1f,%.1f,M,9.8,M,," % (clock, place, *rest)
    if not wordy:
        return [line(rmc), line(gga)]
    return [
        line(rmc),
        line(gga),
        line(b"GPGSA,A,3,01,02,03,04,,,,,,,,,1.5,0.9,1.2"),
        line(b"GPGSV,1,1,04,01,40,083,46,02,17,308,41,03,07,344,39,04,22,228,45"),
    ]


def _angle(units: int, side: bytes, digits: int) -> bytes:
    degrees, minutes = divmod(units, UNITS)
    whole, part = divmod(minutes, UNITS // 60)
    return b"%0*d%02d.%05d,%b" % (digits, degrees, whole, part, side)


def _rubbish(deal: random.Random) -> bytes:
    kind = deal.randrange(3)
    if kind == 0:
        return b"boot ok, firmware 3.%d\r\n" % deal.randrange(10)
    if kind == 1:
        return b"$GNRMC,120000.00,A,2800.00000,N,12100.00000,E,1.0,2.0,010126,,,A*%02X\r\n" % (
            deal.choice((0x01, 0x02, 0x03))
        )
    return bytes(deal.choice(b"\x80\x81\xfe\xff") for _ in range(9)) + b"\r\n"
