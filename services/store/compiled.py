"""The store's compiled hot path (``native/rows.c``), where it was built and DIPPER_PURE_PYTHON is
not set. It reads records that are just as enrich writes them, and packs rows of positions; Python
code and asyncpg do all else, and all of it without it, with the same result.

``Rows``, which some of it gives, is a sequence of rows of positions: packed already, and made as
tuples only when they are asked for. Its rows are as ``read_enriched`` gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from services.log.base import Record
from services.store.prepared import Row

Plain = tuple[int, str, int, int, str, bool, Row]
"""Offset in the fix topic, run, lines, received_at_us, terminal, whether it was made with BeiDou
(see ``positions``), and the row of positions, with None for the id of a terminal that has none."""

read_enriched: Callable[[bytes | None, Mapping[str, int], int], Plain | None] | None = None
"""``read_enriched(value, ids, partition)``: None for a record that is not plain or comes from
another partition of the fix topic."""

Packed = tuple[
    Sequence[Row],
    list[Record],
    dict[str, int],
    set[str],
    int,
    int,
    int,
    tuple[int, ...],
    tuple[int, int, int, int],
]
"""What ``build_positions`` says of a batch without dead letters: Rows, the records they were made
of, lines by run, terminals without an id, how many were redelivered, the next offset in the fix
topic, how many were made with BeiDou, how many have each of FIX_QUALITIES, and Moments (zeros if
there are no rows)."""

pack_batch: Callable[[Sequence[Record], Mapping[str, int], int, int], Packed | None] | None = None
"""``pack_batch(records, ids, partition, next_source)``: None if one of the records is not plain,
comes from another partition of the fix topic, or has a value that its column does not take."""

newest_last: Callable[[list[Sequence[Row]]], tuple[Sequence[Row], int] | None] | None = None
"""``newest_last(parts)``: see ``positions``; None if not all of the parts are Rows."""

pack_positions: Callable[[Sequence[Row], int], bytes] | None = None
"""``pack_positions(rows, oid)``: a list of rows, or Rows, as an array of rows of positions, or of
latest_position, in PostgreSQL's binary format; ``oid`` is that of the rows' type. Raises TypeError,
ValueError, OverflowError."""

try:
    import services.store._rows as _rows  # noqa: PLR0402
except ImportError:
    pass  # Python code and asyncpg do all of it.
else:
    read_enriched, pack_positions = _rows.read_enriched, _rows.pack_positions
    pack_batch, newest_last = _rows.pack_batch, _rows.newest_last
