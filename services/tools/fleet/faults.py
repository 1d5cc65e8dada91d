"""What the field does to a stream: epochs missing or late, broken bytes, dead spots, reconnects."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_LONGEST_DELAY = 5


class Faults(NamedTuple):
    """Shares of epochs, 0 to 1, unless said otherwise."""

    missing: float = 0.0
    out_of_order: float = 0.0
    """Sent one to five epochs late."""
    corrupted: float = 0.0
    """With one byte changed; a checksum shows it. The first of a connection is spared: without a
    date, what follows could not be placed in time."""
    offline: float = 0.0
    """A dead spot begins; its epochs are sent in one burst when it ends."""
    offline_epochs: int = 30
    """How long a dead spot is at most, in epochs; half of that at least."""
    reconnects: float = 0.0
    """Sent on a new connection. After a dead spot there is a new one in any case."""


NO_FAULTS = Faults()
FIELD = Faults(missing=0.01, out_of_order=0.05, corrupted=0.001, offline=0.001, reconnects=0.0005)
"""About what fleets do on a day with nothing special."""


class Sending(NamedTuple):
    """What leaves at the time of one epoch."""

    epochs: list[bytes]
    reconnect: bool
    """On a new connection."""


class FaultyLink:
    """One terminal's way to the server; the same seed gives the same faults."""

    def __init__(self, faults: Faults, seed: str) -> None:
        self._faults = faults
        self._deal = random.Random(seed)
        self._number = -1
        self._late: list[tuple[int, bytes]] = []
        self._held: list[bytes] = []
        self._offline_until = 0
        self._fresh = True

    def feed(self, epoch: bytes) -> Sending:
        """One epoch is due: what is sent now, itself or earlier ones."""
        faults, deal = self._faults, self._deal
        self._number += 1
        if deal.random() < faults.missing:
            return self._send([])
        if deal.random() < faults.out_of_order:
            self._late.append((self._number + deal.randint(1, _LONGEST_DELAY), epoch))
            return self._send([])
        return self._send([epoch, *self._due()])

    def finish(self) -> list[bytes]:
        """What is still held at the end of the stream."""
        held = [*self._held, *(epoch for _, epoch in self._late)]
        self._held, self._late = [], []
        return self._damaged(held)

    def _due(self) -> list[bytes]:
        if not self._late:
            return []
        due = [epoch for number, epoch in self._late if number <= self._number]
        self._late = [one for one in self._late if one[0] > self._number]
        return due

    def _send(self, epochs: list[bytes]) -> Sending:
        """Now, or after the dead spot."""
        faults, number = self._faults, self._number
        if faults.offline and number > self._offline_until and self._chance(faults.offline):
            longest = max(faults.offline_epochs, 1)
            self._offline_until = number + self._deal.randint((longest + 1) // 2, longest)
        if number < self._offline_until:
            self._held += epochs
            return Sending([], False)
        reconnect = bool(faults.offline) and number == self._offline_until > 0
        if reconnect:
            epochs, self._held = [*self._held, *epochs], []
        elif faults.reconnects:
            reconnect = self._chance(faults.reconnects)
        self._fresh |= reconnect
        return Sending(self._damaged(epochs), reconnect)

    def _damaged(self, epochs: list[bytes]) -> list[bytes]:
        sent = []
        for epoch in epochs:
            damage = self._faults.corrupted and self._chance(self._faults.corrupted)
            sent.append(_corrupted(epoch, self._deal) if damage and not self._fresh else epoch)
            self._fresh = False
        return sent

    def _chance(self, share: float) -> bool:
        return self._deal.random() < share


def with_faults(epochs: Iterable[bytes], faults: Faults, seed: str) -> Iterator[bytes]:
    """The epochs as they arrive; the same seed gives the same faults."""
    if faults == NO_FAULTS:
        yield from epochs
        return
    link = FaultyLink(faults, seed)
    for epoch in epochs:
        yield from link.feed(epoch).epochs
    yield from link.finish()


def _corrupted(epoch: bytes, deal: random.Random) -> bytes:
    """One bit of one character between two line ends flipped."""
    damaged = bytearray(epoch)
    place = deal.choice([i for i, byte in enumerate(epoch) if byte not in b"\r\n"])
    # Bits 0 and 4 turn no printable character into CR or LF.
    damaged[place] ^= deal.choice((0x01, 0x10))
    return bytes(damaged)
