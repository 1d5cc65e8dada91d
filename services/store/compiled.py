"""The store's compiled hot path (``native/rows.c``), where it was built and DIPPER_PURE_PYTHON is
not set. It reads records that are just as enrich writes them, and packs rows of positions; Python
code and asyncpg do all else, and all of it without it, with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.store.prepared import Row

Plain = tuple[int, str, int, int, str, bool, Row]
"""Offset in the fix topic, run, lines, received_at_us, terminal, whether it was made with BeiDou
(see ``positions``), and the row of positions, with None for the id of a terminal that has none."""

read_enriched: Callable[[bytes | None, Mapping[str, int], int], Plain | None] | None = None
"""``read_enriched(value, ids, partition)``: None for a record that is not plain or comes from
another partition of the fix topic."""

pack_positions: Callable[[list[Row], int], bytes] | None = None
"""``pack_positions(rows, oid)``: an array of rows of positions, or of latest_position, in
PostgreSQL's binary format; ``oid`` is that of the rows' type. Raises TypeError, ValueError,
OverflowError."""

try:
    import services.store._rows as _rows  # noqa: PLR0402
except ImportError:
    pass  # Python code and asyncpg do all of it.
else:
    read_enriched, pack_positions = _rows.read_enriched, _rows.pack_positions
