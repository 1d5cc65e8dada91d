# The store's compiled hot path: native/rows.c.

from collections.abc import Mapping, Sequence
from typing import final, overload

from services.log.base import Record
from services.store.prepared import Row

@final
class Rows(Sequence[Row]):
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...

def read_enriched(
    value: bytes | None, ids: Mapping[str, int], partition: int
) -> tuple[int, str, int, int, str, bool, Row] | None: ...
def pack_batch(
    records: Sequence[Record], ids: Mapping[str, int], partition: int, next_source: int
) -> (
    tuple[
        Rows,
        list[Record],
        dict[str, int],
        set[str],
        int,
        int,
        int,
        tuple[int, ...],
        tuple[int, int, int, int],
    ]
    | None
): ...
def newest_last(parts: list[Sequence[Row]]) -> tuple[Rows, int] | None: ...
def pack_positions(rows: Sequence[Row], oid: int) -> bytes: ...
