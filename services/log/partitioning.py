"""Which partition a key goes to: the default partitioner of Apache Kafka's Java producer.

Every backend and every other producer that keeps Kafka's default puts one key on one partition,
so a terminal's records stay in order whoever wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import count

from services.log import compiled
from services.log.base import Entry

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_ROTATION = 24
_MASK = 0xFFFFFFFF
CACHED_KEYS = 65_536
"""Keys whose hash is remembered: a fleet's terminals, bounded against made-up ones."""


def murmur2(data: bytes) -> int:
    """MurmurHash2 of ``data`` as an unsigned 32-bit integer.

    The same bits as ``org.apache.kafka.common.utils.Utils.murmur2``, which returns them signed.
    """
    length = len(data)
    hashed = _SEED ^ length
    whole = length & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * _MULTIPLIER & _MASK
        word ^= word >> _ROTATION
        hashed = (hashed * _MULTIPLIER & _MASK) ^ (word * _MULTIPLIER & _MASK)
    if whole < length:
        hashed ^= int.from_bytes(data[whole:], "little")
        hashed = hashed * _MULTIPLIER & _MASK
    hashed ^= hashed >> 13
    hashed = hashed * _MULTIPLIER & _MASK
    return hashed ^ (hashed >> 15)


@lru_cache(maxsize=CACHED_KEYS)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition, 0 to ``partitions`` - 1, of ``key`` by Kafka's default partitioner."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


class Spreader:
    """Splits entries by partition; keyless ones of one call stay together, calls take turns."""

    def __init__(self) -> None:
        self._turn = count()

    def split(
        self, entries: Sequence[Entry], partitions: int, partition: int | None = None
    ) -> Mapping[int, list[Entry]]:
        """Entries by partition, order kept; all in ``partition`` if that is given."""
        if partition is not None:
            whole = list(entries)
            return {partition: whole} if whole else {}
        if compiled.split is not None:
            plain = compiled.split(entries, partitions)
            if plain is not None:
                return plain
        split: dict[int, list[Entry]] = {}
        keyless: int | None = None
        for entry in entries:
            key = entry[0]
            if key is not None:
                target = partition_of(key, partitions)
            else:
                if keyless is None:
                    keyless = next(self._turn) % partitions
                target = keyless
            if target in split:
                split[target].append(entry)
            else:
                split[target] = [entry]
        return split
