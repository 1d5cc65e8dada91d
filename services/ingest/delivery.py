"""What the log gets: outcomes of one read of one connection, and many of them as a round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from services.codec import encode_fix, encode_message, encode_reject
from services.log.base import Entry
from services.nmea.terminal import Outcomes

ENTRY_OVERHEAD_BYTES = 200
"""Memory of an entry besides its value (objects, key)."""


class Receipt(Protocol):
    """Who is told that a delivery is in the log: a connection."""

    def published(self, deliveries: int, durable: int, size: int) -> None:
        """``deliveries`` more of yours, ``size`` bytes, are durable, and so the connection's
        first ``durable`` lines."""
        ...


class LineCounts(NamedTuple):
    """The ledger's counts of some lines; ``pending`` is a change, so it may be negative."""

    read: int
    pending: int
    used: int
    control: int
    rejected: Mapping[str, int]


class Delivery(NamedTuple):
    """Encoded outcomes of one connection, and what follows once they are durable."""

    receipt: Receipt
    durable: int
    fixes: list[Entry]
    messages: list[Entry]
    rejects: list[Entry]
    counts: LineCounts
    size: int
    """Bytes that it holds while it waits."""

    @property
    def records(self) -> int:
        """How many records it has for the log."""
        return len(self.fixes) + len(self.messages) + len(self.rejects)


def encode(receipt: Receipt, durable: int, out: Outcomes, read: int, pending: int) -> Delivery:
    """The delivery of ``out``. ``read`` and ``pending`` are line counts as in LineCounts."""
    fixes = [Entry(fix.terminal.encode(), encode_fix(fix)) for fix in out.fixes]
    messages = [
        Entry(message.terminal.encode(), encode_message(message)) for message in out.messages
    ]
    rejects = [Entry(_key(reject.terminal), encode_reject(reject)) for reject in out.rejects]
    counts = LineCounts(read, pending, out.lines_used, out.lines_control, out.lines_rejected)
    size = _size(fixes) + _size(messages) + _size(rejects)
    return Delivery(receipt, durable, fixes, messages, rejects, counts, size)


def _key(terminal: str | None) -> bytes | None:
    return None if terminal is None else terminal.encode()


def _size(entries: list[Entry]) -> int:
    return sum(len(value or b"") for _, value in entries) + ENTRY_OVERHEAD_BYTES * len(entries)


class Settled(NamedTuple):
    """What a round means for one connection: the arguments of ``Receipt.published``."""

    deliveries: int
    durable: int
    size: int


class Round(NamedTuple):
    """Deliveries that go to the log together, in the order in which they were read."""

    fixes: list[Entry]
    messages: list[Entry]
    rejects: list[Entry]
    counts: LineCounts
    settled: dict[Receipt, Settled]

    @property
    def records(self) -> int:
        """How many records it has for the log."""
        return len(self.fixes) + len(self.messages) + len(self.rejects)


def gather(deliveries: Iterable[Delivery]) -> Round:
    """One round of these deliveries."""
    fixes: list[Entry] = []
    messages: list[Entry] = []
    rejects: list[Entry] = []
    read = pending = used = control = 0
    rejected: dict[str, int] = {}
    settled: dict[Receipt, Settled] = {}
    for delivery in deliveries:
        fixes += delivery.fixes
        messages += delivery.messages
        rejects += delivery.rejects
        counts = delivery.counts
        read += counts.read
        pending += counts.pending
        used += counts.used
        control += counts.control
        for reason, lines in counts.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + lines
        number, _, size = settled.get(delivery.receipt, (0, 0, 0))
        settled[delivery.receipt] = Settled(number + 1, delivery.durable, size + delivery.size)
    return Round(
        fixes, messages, rejects, LineCounts(read, pending, used, control, rejected), settled
    )
