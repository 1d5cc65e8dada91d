"""Points into the database by way of the store, and figures out of it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import asyncpg
import pytest

from services.codec import encode_enriched
from services.log.base import ENRICHED
from services.model import EnrichedFix, Source
from services.store.writer import open_store
from tests.integration.store.records import batch, fix
from tests.integration.timescale.tracks import Hour, Point

FIGURES = "SELECT * FROM terminal_hours"
BY_ZONE = "SELECT terminal, hour, zone, minutes FROM terminal_zone_hours"


async def store(dsn: str, points: Sequence[Point], start: int = 0, size: int = 250) -> list[int]:
    """Store the points as the service does, one after another from offset ``start``; returns how
    many were new and how many duplicates."""
    new = duplicates = 0
    async with await open_store(dsn, connections=1, timeout_s=60) as writer:
        for first in range(0, len(points), size):
            offset = start + first
            values = [
                _encoded(point, offset + index)
                for index, point in enumerate(points[first : first + size])
            ]
            done = await writer.store(batch(ENRICHED, values, offset))
            assert not done.dead_lettered
            new, duplicates = new + done.stored, duplicates + done.duplicate
    return [new, duplicates]


def _encoded(point: Point, place: int) -> bytes:
    made = fix(
        0,
        point.terminal,
        time_us=round(point.time.timestamp() * 1_000_000),
        lat=point.lat,
        lon=point.lon,
        speed_kmh=point.speed_kmh,
        fix="none" if point.lat is None else "gnss",
    )
    return encode_enriched(EnrichedFix(made, point.zones, False, Source(0, place)))


async def query(dsn: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
    """The rows of a statement on a connection of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(statement, *arguments))
    finally:
        await connection.close()


async def check(dsn: str, expected: Mapping[tuple[str, datetime], Hour]) -> None:
    """The database's hourly figures are the expected ones, and there are no others."""
    found = {(row["terminal"], row["hour"]): row for row in await query(dsn, FIGURES)}
    assert found.keys() == expected.keys()
    for key, hour in expected.items():
        row = found[key]
        assert row["fixes"] == hour.fixes, (key, row, hour)
        assert row["distance_m"] == pytest.approx(hour.distance_m, rel=1e-9, abs=1e-6), (
            key,
            row,
            hour,
        )
        assert row["hazard_minutes"] * 60 == pytest.approx(hour.hazard_s, abs=1e-3), (
            key,
            row,
            hour,
        )
        if hour.speeds:
            mean = sum(hour.speeds) / len(hour.speeds)
            # Speeds are stored in single precision.
            assert row["max_speed_kmh"] == pytest.approx(max(hour.speeds), rel=1e-6), (
                key,
                row,
                hour,
            )
            assert row["mean_speed_kmh"] == pytest.approx(mean, rel=1e-6), (key, row, hour)
        else:
            assert row["max_speed_kmh"] is None, (key, row, hour)
            assert row["mean_speed_kmh"] is None, (key, row, hour)
    minutes = {
        (row["terminal"], row["hour"], row["zone"]): row["minutes"]
        for row in await query(dsn, BY_ZONE)
        if row["minutes"] > 0
    }
    seconds = {
        (*key, zone): held
        for key, hour in expected.items()
        for zone, held in hour.zone_s.items()
        if held
    }
    assert minutes.keys() == seconds.keys()
    for place, held in seconds.items():
        assert minutes[place] * 60 == pytest.approx(held, abs=1e-3), place


def long_ago(point: Point) -> bool:
    """Whether a point is of the first day: for tests that treat its chunk apart."""
    return point.time < datetime(2026, 3, 2, tzinfo=UTC)
