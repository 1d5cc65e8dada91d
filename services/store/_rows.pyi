# The store's compiled hot path: native/rows.c.

from collections.abc import Mapping

from services.store.prepared import Row

def read_enriched(
    value: bytes | None, ids: Mapping[str, int], partition: int
) -> tuple[int, str, int, int, str, bool, Row] | None: ...
def pack_positions(rows: list[Row], oid: int) -> bytes: ...
