"""Kafka's record batches of every kind, as brokers send them, and spoilt ones."""

from __future__ import annotations

import struct

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from hypothesis import strategies as st

Headers = list[tuple[str, bytes | None]]
OFFSET_AND_LENGTH = 12
CRC_AT, ATTRIBUTES_AT = 17, 21
CONTROL = 0x20
GZIP = 1

PARTS = (
    st.none() | st.binary(max_size=9) | st.sampled_from([b"", bytes(63), bytes(64), bytes(9_000)])
)
HEADERS: st.SearchStrategy[Headers] = st.sampled_from(
    [[], [], [], [], [("trace", b"1")], [("a", None)]]
)


def with_crc(batch: bytes) -> bytes:
    """A batch of format 2 with its checksum set."""
    crc = calc_crc32c(batch[ATTRIBUTES_AT:])
    return batch[:CRC_AT] + struct.pack(">I", crc) + batch[ATTRIBUTES_AT:]


def at_offset(batch: bytes, offset: int) -> bytes:
    """A batch of any format with another first offset, which no checksum covers."""
    return struct.pack(">q", offset) + batch[8:]


@st.composite
def batches(draw: st.DrawFn) -> tuple[bytes, int]:
    """A batch that begins at offset 0, and how many offsets it takes: compaction leaves gaps."""
    builder = DefaultRecordBatchBuilder(
        2,
        draw(st.sampled_from([0, 0, 0, 0, GZIP])),
        is_transactional=draw(st.sampled_from([0, 0, 0, 1])),
        producer_id=draw(st.sampled_from([-1, 7])),
        producer_epoch=0,
        base_sequence=0,
        batch_size=1 << 20,
    )
    offset = draw(st.integers(0, 2))
    for _ in range(draw(st.integers(1, 9))):
        stamp = draw(st.sampled_from([1_760_000_000_000, 1_760_000_000_123, 1_759_999_999_999, 0]))
        builder.append(offset, stamp, draw(PARTS), draw(PARTS), draw(HEADERS))
        offset += draw(st.sampled_from([1, 1, 1, 2, 70]))
    batch = bytearray(builder.build())
    if draw(st.integers(0, 9)) == 0:
        batch[ATTRIBUTES_AT + 1] |= CONTROL
    return with_crc(bytes(batch)), offset


@st.composite
def older_batches(draw: st.DrawFn) -> tuple[bytes, int]:
    """One of format 0 or 1, which is a single record. (aiokafka 0.14 fails at those without a key,
    and takes one that follows another batch for damaged.)"""
    builder = LegacyRecordBatchBuilder(draw(st.integers(0, 1)), 0, 1 << 20)
    key = draw(st.binary(max_size=9))
    builder.append(0, timestamp=1_760_000_000_000, key=key, value=b"of an older format")
    return bytes(builder.build()), 1


@st.composite
def spoilt_batches(draw: st.DrawFn) -> tuple[bytes, int]:
    """One with bytes changed behind its format's number; its checksum may hold nevertheless."""
    batch, count = draw(batches())
    changed = bytearray(batch)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(CRC_AT, min(len(batch) - 1, 400)))
        changed[place] = draw(st.sampled_from([0, 1, 2, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    return (with_crc(bytes(changed)) if draw(st.booleans()) else bytes(changed)), count


def answers(
    batch: st.SearchStrategy[tuple[bytes, int]],
    first: st.SearchStrategy[tuple[bytes, int]],
) -> st.SearchStrategy[tuple[bytes, int]]:
    """What a broker answers: batches one after the other, the last one perhaps cut off; with the
    offset of the first, which is one of ``first``."""

    @st.composite
    def compose(draw: st.DrawFn) -> tuple[bytes, int]:
        start = offset = draw(st.sampled_from([0, 5, 1 << 40]))
        answer = b""
        for piece, count in [draw(first), *draw(st.lists(batch, max_size=3))]:
            answer += at_offset(piece, offset)
            offset += count + draw(st.sampled_from([0, 0, 3]))
        cut = draw(st.sampled_from([0, 0, 0, 1, 50]))
        return answer[: max(0, len(answer) - cut)], start

    return compose()
