"""The hourly figures are what an independent reckoning says, on every edition alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.tools.migrate import migrate
from tests.integration.timescale.fleet import FIGURES, check, query, store
from tests.integration.timescale.tracks import HOUR, Point, deliver, reckon, simulate

SINCE = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize("seed", [1, 2])
async def test_late_and_repeated_fixes_lead_to_the_figures_of_the_whole_track(
    any_dsn: str, seed: int
) -> None:
    points = simulate(seed)
    await migrate(any_dsn)
    delivered = deliver(points, seed)
    assert await store(any_dsn, delivered) == [len(points), len(delivered) - len(points)]
    await check(any_dsn, reckon(points))


async def test_a_part_of_the_hours_is_the_same_part_of_all_hours(any_dsn: str) -> None:
    await migrate(any_dsn)
    await store(any_dsn, simulate(3, terminals=2))
    until = SINCE + timedelta(hours=30)
    part = await query(
        any_dsn,
        "SELECT name, hour, fixes, distance_m, max_speed_kmh, mean_speed_kmh, hazard_minutes "
        "FROM terminals CROSS JOIN hours_of(terminals.id, $1, $2) ORDER BY 1, 2",
        SINCE,
        until,
    )
    same = await query(
        any_dsn, f"{FIGURES} WHERE hour >= $1 AND hour < $2 ORDER BY 1, 2", SINCE, until
    )
    assert len(part) > 10
    assert [tuple(row) for row in part] == [tuple(row) for row in same]


async def test_time_in_a_harmless_zone_is_no_time_in_a_hazard(any_dsn: str) -> None:
    points = simulate(4, terminals=2)
    await migrate(any_dsn)
    await store(any_dsn, points)
    await query(any_dsn, "INSERT INTO harmless_zones VALUES ('port'), ('unheard-of')")
    await check(any_dsn, reckon(points, frozenset({"port"})))


def at(minutes: float, lat: float | None = 0.0, zones: tuple[str, ...] = ()) -> Point:
    """A point of a ship on the meridian of Greenwich, so long after eight o'clock."""
    lon = None if lat is None else 0.0
    return Point("SHIP", SINCE + timedelta(minutes=minutes), lat, lon, None, zones)


DEGREE_M = 6_371_008.8 * 3.141592653589793 / 180


@pytest.mark.parametrize(
    ("points", "distances", "hazard_minutes"),
    [
        ([at(0)], [0], [0]),
        ([at(0), at(10, 1), at(20, 0)], [2], [0]),
        ([at(50, 0, ("z",)), at(70, 1, ())], [0, 1], [10, 10]),
        ([at(50, 0, ("z",)), at(110, 1, ("z",))], [0, 1], [10, 50]),
        ([at(50, 0, ("z",)), at(111, 1, ("z",))], [0, 0], [0, 0]),
        ([at(50, 0, ("z",)), at(60, 1, ("z",)), at(65, 1)], [0, 1], [10, 5]),
        ([at(10, 0, ("z",)), at(20, None), at(30, 1)], [1], [20]),
        ([at(10, 0, ("z",)), at(61, None)], [0, 0], [0, 0]),
        ([at(10, None), at(61, None)], [0, 0], [0, 0]),
    ],
    ids=[
        "a single fix has no track",
        "a way there and back counts twice",
        "a step belongs to the hour in which it ends, time to the hours in which it passes",
        "fixes an hour apart are connected",
        "a longer silence says nothing",
        "a fix on the hour is of the new hour",
        "a fix without position interrupts nothing",
        "an hour may have no position",
        "no hour need have one",
    ],
)
async def test_the_rules(
    plain_dsn: str, points: list[Point], distances: list[float], hazard_minutes: list[float]
) -> None:
    await migrate(plain_dsn)
    await store(plain_dsn, points)
    await check(plain_dsn, reckon(points))
    rows = await query(plain_dsn, f"{FIGURES} ORDER BY hour")
    assert [row["distance_m"] / DEGREE_M for row in rows] == pytest.approx(distances)
    assert [row["hazard_minutes"] for row in rows] == pytest.approx(hazard_minutes)
    assert all(row["hour"] - SINCE < 2 * HOUR for row in rows)
