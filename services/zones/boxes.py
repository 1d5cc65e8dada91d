"""Which of many boxes hold a position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import shapely

Box: TypeAlias = tuple[float, float, float, float]
"""West, south, east, north in degrees; west is never greater than east."""


class Boxes(Protocol):
    """An unchanging set of boxes, told by their numbers from 0."""

    def candidates(
        self, lats: Sequence[float | None], lons: Sequence[float | None]
    ) -> tuple[Any, Any, Any, Any]:
        """Arrays of pairs in which a box holds a position: the index of the position, the number
        of the box, latitude and longitude. Positions ascend, boxes of one are in any order.

        Degrees; a position without either is in no box.
        """
        ...


class BoxTree:
    """See ``Boxes``: an R-tree."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self._tree = shapely.STRtree([shapely.box(*box) for box in boxes])

    def candidates(
        self, lats: Sequence[float | None], lons: Sequence[float | None]
    ) -> tuple[Any, Any, Any, Any]:
        """See ``Boxes``."""
        # float64 turns None into NaN.
        latitude, longitude = np.array(lats, dtype=np.float64), np.array(lons, dtype=np.float64)
        known = np.flatnonzero(~np.isnan(latitude + longitude))
        points = shapely.points(longitude[known], latitude[known])
        positions, boxes = self._tree.query(points)
        positions = known[positions]
        return positions, boxes, latitude[positions], longitude[positions]
