"""Where there are no zones: a grid over the boxes of all zones, by which most positions of a batch
are left out at once. It decides nothing else: what is near a box goes to the exact tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

Box: TypeAlias = tuple[float, float, float, float]
"""West, south, east, north in degrees; west is never greater than east."""

Cells: TypeAlias = tuple[Box, int, int, float, float, bytes]
"""The box of all, rows, columns, rows and columns a degree, and a byte a cell, row by row from the
south-western one: not 0 where there is a box."""

ROWS = COLUMNS = 512
"""A town's zones get cells of some ten metres, in 256 KiB."""

near: Callable[[list[float | None], list[float | None], Cells], tuple[bytes, bytes, bytes]] | None
"""``Grid.near``, compiled, with bytes for arrays. Without it every known position is near."""
try:
    import services.zones._batch as _batch  # noqa: PLR0402
except ImportError:
    near = None
else:
    near = _batch.near


class Grid:
    """Cells of the size of a fraction of the box of all boxes, and which of them a box touches.

    A position inside a box lies in a cell that the box touches, by any rounding: a cell's number
    is found by the same steps for positions and corners, and none of them ever goes down when the
    number of degrees goes up.
    """

    def __init__(self, boxes: Sequence[Box]) -> None:
        corners = np.array(boxes, dtype=np.float64).reshape(-1, 4)
        west, south = corners[:, :2].min(axis=0, initial=180.0).tolist()
        east, north = corners[:, 2:].max(axis=0, initial=-180.0).tolist()
        rows_a_degree, columns_a_degree = _scale(ROWS, south, north), _scale(COLUMNS, west, east)
        columns = _numbers(corners[:, ::2], west, columns_a_degree, COLUMNS)
        rows = _numbers(corners[:, 1::2], south, rows_a_degree, ROWS)
        touched = np.zeros((ROWS, COLUMNS), dtype=bool)
        for (first, last), (left, right) in zip(rows.tolist(), columns.tolist(), strict=True):
            touched[first : last + 1, left : right + 1] = True
        self._cells: Cells = (
            (west, south, east, north),
            ROWS,
            COLUMNS,
            rows_a_degree,
            columns_a_degree,
            touched.tobytes(),
        )

    def near(
        self, lats: Sequence[float | None], lons: Sequence[float | None]
    ) -> tuple[Any, Any, Any]:
        """Arrays of the index, latitude and longitude of each position that may be inside a box, in
        their order. Degrees; a position without either is inside none."""
        if near is not None:
            found, *degrees = near([*lats], [*lons], self._cells)
            latitude, longitude = (np.frombuffer(each, dtype=np.float64) for each in degrees)
            return np.frombuffer(found, dtype=np.int64), latitude, longitude
        # float64 turns None into NaN.
        latitude, longitude = np.array(lats, dtype=np.float64), np.array(lons, dtype=np.float64)
        known = np.flatnonzero(~np.isnan(latitude + longitude))
        return known, latitude[known], longitude[known]


def _scale(cells: int, low: float, high: float) -> float:
    """Cells a degree; 0, one cell for all, if there is no extent that could be divided."""
    scale = cells / (high - low) if high > low else 0.0
    return scale if np.isfinite(scale) else 0.0


def _numbers(degrees: Any, low: float, scale: float, cells: int) -> Any:
    return np.minimum(((degrees - low) * scale).astype(np.int64), cells - 1)
