"""What the log does to each record, compiled (``native/records.c``), where it was built and
DIPPER_PURE_PYTHON is not set: lists in, lists out. Each function answers None for what is not
plain, such as a value that is no bytes; then Python code or aiokafka does it, and all of it without
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.log.base import Entry, Record

split: Callable[[Sequence[Entry], int], dict[int, list[Entry]] | None] | None = None
"""``split(entries, partitions)``: see ``partitioning.Spreader``; entries without a key are not
plain."""

size_of: Callable[[Sequence[Entry]], int | None] | None = None
pack: Callable[[Sequence[Entry]], bytes | None] | None = None
unpack: Callable[[bytes, int, int, int], list[Record] | None] | None = None
numbered: Callable[[Sequence[Entry], int, int], list[Record] | None] | None = None
"""These four: see ``blocks``."""

read_batches: Callable[[bytes, int, int, int], tuple[list[Record], int, int] | None] | None = None
"""``read_batches(fetched, at, wanted, most)``: see ``kafka_fetch.take``."""

pack_batch: Callable[[Sequence[Entry], int, int, int], tuple[bytearray, int] | None] | None = None
"""``pack_batch(entries, start, timestamp_ms, limit)``: see ``kafka_batch.PackedBatch``."""

seal_batch: Callable[[bytearray, int, int, int], None] | None = None
"""``seal_batch(batch, producer_id, producer_epoch, base_sequence)``."""

try:
    import services.log._records as _records  # noqa: PLR0402
except ImportError:
    pass  # Python code and aiokafka do all of it.
else:
    _records.setup(Record)
    split, size_of, numbered = _records.split, _records.size_of, _records.numbered
    pack, unpack = _records.pack, _records.unpack
    read_batches = _records.read_batches
    pack_batch, seal_batch = _records.pack_batch, _records.seal_batch
