"""Roads and fairways round Wenzhou, drawn by hand from the map: good to about 300 m.

For demonstrations and load tests; nobody should navigate by them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Stop(NamedTuple):
    """A place where the terminal stands still."""

    at: float
    """Share of the route's length, 0 to 1."""
    seconds: float


class Route(NamedTuple):
    """A way that is driven or sailed to its end and back again."""

    name: str
    kind: Literal["road", "water"]
    cruise_kmh: float
    points: tuple[tuple[float, float], ...]
    """Longitude and latitude in degrees (WGS-84)."""
    stops: tuple[Stop, ...]


ROUTES = (
    Route(
        "g15-motorway",
        "road",
        100,
        (
            (120.985, 28.130),
            (120.930, 28.105),
            (120.870, 28.080),
            (120.815, 28.045),
            (120.800, 28.005),
            (120.795, 27.955),
            (120.760, 27.900),
            (120.700, 27.845),
            (120.650, 27.790),
            (120.600, 27.720),
            (120.560, 27.665),
            (120.500, 27.610),
        ),
        (Stop(0, 300), Stop(0.55, 600), Stop(1, 300)),
    ),
    Route(
        "north-bank-road",
        "road",
        60,
        (
            (120.600, 28.045),
            (120.640, 28.043),
            (120.675, 28.047),
            (120.698, 28.054),
            (120.712, 28.059),
            (120.735, 28.060),
            (120.780, 28.068),
            (120.830, 28.085),
            (120.900, 28.110),
            (120.960, 28.125),
        ),
        (Stop(0, 240), Stop(0.12, 45), Stop(0.45, 30), Stop(0.7, 90), Stop(1, 240)),
    ),
    Route(
        "hazardous-goods",
        "road",
        50,
        (
            (120.600, 27.996),
            (120.631, 27.989),
            (120.700, 27.982),
            (120.761, 27.969),
            (120.821, 27.942),
            (120.836, 27.938),
            (120.902, 27.914),
            (120.930, 27.900),
        ),
        (Stop(0, 300), Stop(0.2, 40), Stop(0.5, 60), Stop(1, 600)),
    ),
    Route(
        "dongtou-causeway",
        "road",
        70,
        (
            (120.690, 27.990),
            (120.760, 27.970),
            (120.830, 27.945),
            (120.900, 27.955),
            (120.960, 27.945),
            (121.020, 27.905),
            (121.080, 27.880),
            (121.130, 27.860),
            (121.150, 27.842),
        ),
        (Stop(0, 180), Stop(0.3, 40), Stop(0.75, 120), Stop(1, 300)),
    ),
    Route(
        "oujiang-river",
        "water",
        18,
        (
            (120.420, 28.115),
            (120.470, 28.085),
            (120.530, 28.055),
            (120.590, 28.038),
            (120.645, 28.022),
            (120.700, 28.020),
            (120.750, 28.032),
            (120.795, 28.018),
            (120.835, 27.988),
            (120.880, 27.966),
            (120.935, 27.972),
            (121.000, 27.970),
            (121.090, 27.980),
        ),
        (Stop(0, 900), Stop(0.4, 600), Stop(1, 900)),
    ),
    Route(
        "port-channel",
        "water",
        22,
        (
            (120.900, 27.962),
            (120.950, 27.972),
            (121.020, 27.975),
            (121.090, 27.978),
            (121.150, 27.965),
            (121.210, 27.930),
            (121.290, 27.890),
        ),
        (Stop(0, 1200), Stop(1, 300)),
    ),
    Route(
        "dongtou-islands",
        "water",
        24,
        (
            (121.160, 27.825),
            (121.185, 27.850),
            (121.180, 27.890),
            (121.140, 27.930),
            (121.105, 27.975),
            (121.060, 28.010),
            (121.005, 28.030),
        ),
        (Stop(0, 300), Stop(0.45, 120), Stop(1, 1800)),
    ),
    Route(
        "feiyun-fishing-ground",
        "water",
        15,
        (
            (120.690, 27.735),
            (120.760, 27.715),
            (120.850, 27.690),
            (120.960, 27.660),
            (121.080, 27.640),
            (121.160, 27.680),
            (121.190, 27.750),
        ),
        (Stop(0, 600), Stop(0.6, 1500), Stop(0.8, 1500), Stop(1, 600)),
    ),
)


def routes(kind: Literal["road", "water"]) -> tuple[Route, ...]:
    """All roads, or all fairways."""
    return tuple(route for route in ROUTES if route.kind == kind)
