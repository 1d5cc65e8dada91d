"""Which of many boxes hold a position, by a grid and compiled code.

It answers what ``BoxTree`` answers, without a geometry object for each position: most positions lie
in an empty cell, and that is all there is to know of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from services.zones.boxes import Box

Cells: TypeAlias = tuple[Box, int, int, float, float, bytes, bytes, bytes]
"""The box of all, rows, columns, rows and columns a degree; and as the bytes of arrays of int32,
int32 and float64 where the boxes of each cell begin, row by row from the south-western cell, with
an end; the numbers of the boxes, cell by cell; and the boxes."""

PAIR = np.dtype([("position", "i8"), ("box", "i8"), ("lat", "f8"), ("lon", "f8")])
"""A position in a box."""

MOST_CELLS = 512
"""In a row and in a column: some ten metres each for the zones of a town."""
MOST_MEMBERS = 1 << 20
"""Of all cells together, 4 MiB: large zones get larger cells."""

candidates: Callable[[list[float | None], list[float | None], Cells], bytes] | None
"""``Grid.candidates``, compiled, with the bytes of an array of PAIR."""
try:
    import services.zones._batch as _batch  # noqa: PLR0402
except ImportError:
    candidates = None
else:
    candidates = _batch.candidates


class Grid:
    """See ``Boxes``: cells of equal size over the box of all boxes, each with the boxes that touch
    it.

    A position inside a box lies in a cell that the box touches, by any rounding: a cell's number
    is found by the same steps for positions and corners, and none of them ever goes down when the
    number of degrees goes up.
    """

    def __init__(self, boxes: Sequence[Box]) -> None:
        corners = np.array(boxes, dtype=np.float64).reshape(-1, 4)
        west, south = corners[:, :2].min(axis=0, initial=180.0).tolist()
        east, north = corners[:, 2:].max(axis=0, initial=-180.0).tolist()
        side = MOST_CELLS
        while True:
            scales = _scale(side, south, north), _scale(side, west, east)
            rows = _numbers(corners[:, 1::2], south, scales[0], side)
            columns = _numbers(corners[:, ::2], west, scales[1], side)
            heights, widths = np.ptp(rows, axis=1) + 1, np.ptp(columns, axis=1) + 1
            if side == 1 or (heights * widths).sum() <= MOST_MEMBERS:
                break
            side //= 2
        starts, members = _by_cell(rows[:, 0], columns[:, 0], heights, widths, side)
        box = (west, south, east, north)
        self._cells: Cells = (box, side, side, *scales, starts, members, corners.tobytes())

    def candidates(
        self, lats: Sequence[float | None], lons: Sequence[float | None]
    ) -> tuple[Any, Any, Any, Any]:
        """See ``Boxes``."""
        assert candidates is not None, "the grid is for compiled code"
        pairs = np.frombuffer(candidates([*lats], [*lons], self._cells), dtype=PAIR)
        return pairs["position"], pairs["box"], pairs["lat"], pairs["lon"]


def _scale(cells: int, low: float, high: float) -> float:
    """Cells a degree; 0, one cell for all, if there is no extent that could be divided."""
    scale = cells / (high - low) if high > low else 0.0
    return scale if np.isfinite(scale) else 0.0


def _numbers(degrees: Any, low: float, scale: float, cells: int) -> Any:
    return np.minimum(((degrees - low) * scale).astype(np.int64), cells - 1)


def _by_cell(rows: Any, columns: Any, heights: Any, widths: Any, side: int) -> tuple[bytes, bytes]:
    """Where each cell's boxes begin, and their numbers cell by cell; of boxes by their
    south-western cell and their extent in cells."""
    sizes = heights * widths
    boxes = np.repeat(np.arange(len(sizes)), sizes)
    inside = np.arange(len(boxes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    up, right = np.divmod(inside, widths[boxes])
    cells = (rows[boxes] + up) * side + columns[boxes] + right
    order = np.argsort(cells, kind="stable")
    starts = np.zeros(side * side + 1, dtype=np.int32)
    np.cumsum(np.bincount(cells, minlength=side * side), out=starts[1:])
    return starts.tobytes(), boxes[order].astype(np.int32).tobytes()
