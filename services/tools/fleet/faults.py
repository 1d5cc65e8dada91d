"""What the field does to a stream: epochs missing, late, or with a broken byte."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_LONGEST_DELAY = 5


class Faults(NamedTuple):
    """Shares of epochs, 0 to 1."""

    missing: float = 0.0
    out_of_order: float = 0.0
    """Sent one to five epochs late."""
    corrupted: float = 0.0
    """With one byte changed; a checksum shows it."""


NO_FAULTS = Faults()


def with_faults(epochs: Iterable[bytes], faults: Faults, seed: str) -> Iterator[bytes]:
    """The epochs as they arrive; the same seed gives the same faults."""
    if faults == NO_FAULTS:
        yield from epochs
        return
    deal = random.Random(seed)
    late: list[tuple[int, bytes]] = []
    for number, epoch in enumerate(epochs):
        if deal.random() < faults.missing:
            continue
        sent = _corrupted(epoch, deal) if deal.random() < faults.corrupted else epoch
        if deal.random() < faults.out_of_order:
            late.append((number + deal.randint(1, _LONGEST_DELAY), sent))
            continue
        yield sent
        yield from (held for due, held in late if due <= number)
        late = [(due, held) for due, held in late if due > number]
    yield from (held for _, held in late)


def _corrupted(epoch: bytes, deal: random.Random) -> bytes:
    """One bit of one character between two line ends flipped."""
    damaged = bytearray(epoch)
    place = deal.choice([i for i, byte in enumerate(epoch) if byte not in b"\r\n"])
    # Bits 0 and 4 turn no printable character into CR or LF.
    damaged[place] ^= deal.choice((0x01, 0x10))
    return bytes(damaged)
