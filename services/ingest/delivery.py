"""What the log gets: outcomes of one read of one connection, and many of them as a round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from services.codec import encode_fix, encode_message, encode_reject
from services.log.base import FIX, MESSAGE, REJECT, Entry
from services.nmea.terminal import Outcomes

DELIVERY_OVERHEAD_BYTES = 500
"""Memory of a delivery without entries."""
ENTRY_OVERHEAD_BYTES = 200
"""Memory of an entry besides its value (objects, key)."""

_NONE: Sequence[Entry] = ()
_build = tuple.__new__
"""Half the time of a NamedTuple's own, and three are made for every epoch."""


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
    fixes: Sequence[Entry]
    messages: Sequence[Entry]
    rejects: Sequence[Entry]
    counts: LineCounts
    records: int
    """How many entries it has for the log."""
    size: int
    """Bytes that it holds while it waits."""


def encode(receipt: Receipt, durable: int, out: Outcomes, read: int, pending: int) -> Delivery:
    """The delivery of ``out``. ``read`` and ``pending`` are line counts as in LineCounts."""
    # orjson's bytes keep the 4 KiB that they were written in for as long as they live; records
    # wait here by the ten thousand, so each is copied to its own size.
    size = 0
    fixes = []
    for fix in out.fixes:
        value = b"%b" % encode_fix(fix)
        size += len(value)
        fixes.append(_build(Entry, (fix.terminal.encode(), value)))
    messages, rejects = _NONE, _NONE
    if out.messages:
        messages = [
            Entry(one.terminal.encode(), b"%b" % encode_message(one)) for one in out.messages
        ]
        size += _size(messages)
    if out.rejects:
        rejects = [Entry(_key(one.terminal), b"%b" % encode_reject(one)) for one in out.rejects]
        size += _size(rejects)
    records = len(fixes) + len(messages) + len(rejects)
    size += DELIVERY_OVERHEAD_BYTES + ENTRY_OVERHEAD_BYTES * records
    counts = _build(
        LineCounts, (read, pending, out.lines_used, out.lines_control, out.lines_rejected)
    )
    return _build(Delivery, (receipt, durable, fixes, messages, rejects, counts, records, size))


def _key(terminal: str | None) -> bytes | None:
    return None if terminal is None else terminal.encode()


def _size(entries: Sequence[Entry]) -> int:
    return sum(len(value or b"") for _, value in entries)


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

    def lines_of(self, topic: str) -> int:
        """How many lines its records of ``topic`` stand for."""
        counts = self.counts
        return {
            FIX: counts.used - counts.control - len(self.messages),
            MESSAGE: len(self.messages),
            REJECT: sum(counts.rejected.values()),
        }[topic]


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
