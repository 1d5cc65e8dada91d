"""What the log gets: the outcomes of many reads of many connections, gathered to a round."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from services.codec import add_fixes, encode_message, encode_reject
from services.log.base import FIX, MESSAGE, REJECT, Entry
from services.nmea.epoch import WholeBytes
from services.nmea.terminal import Outcomes

DELIVERY_OVERHEAD_BYTES = 500
"""Memory of a delivery without entries."""
ENTRY_OVERHEAD_BYTES = 200
"""Memory of an entry besides its value (objects, key)."""

_build = tuple.__new__
"""Half the time of a NamedTuple's own, and two are made for every epoch."""


class Receipt(Protocol):
    """Who is told that a delivery is in the log: a connection."""

    def published(self, deliveries: int, durable: int, size: int) -> None:
        """``deliveries`` more of yours, ``size`` bytes, are durable, and so the connection's
        first ``durable`` lines."""
        ...


class Settled(NamedTuple):
    """What a round means for one connection: the arguments of ``Receipt.published``."""

    deliveries: int
    durable: int
    size: int


_NOTHING = Settled(0, 0, 0)


class Round:
    """Deliveries that go to the log together, in the order in which they were read: entries
    for each topic, counts of lines for the ledger, and what follows once all are durable."""

    __slots__ = (
        "control",
        "fixes",
        "messages",
        "pending",
        "read",
        "records",
        "rejected",
        "rejects",
        "settled",
        "used",
    )

    def __init__(self) -> None:
        self.fixes: list[Entry] = []
        self.messages: list[Entry] = []
        self.rejects: list[Entry] = []
        self.records = 0
        """How many entries these are."""
        self.read = 0
        self.pending = 0
        """Lines that became pending, less those that are no longer: it may be negative."""
        self.used = 0
        self.control = 0
        self.rejected: dict[str, int] = {}
        """By reason."""
        self.settled: dict[Receipt, Settled] = {}

    def add(
        self, receipt: Receipt, durable: int, out: Outcomes | WholeBytes, read: int, pending: int
    ) -> int:
        """Add the outcomes of one read: ``read`` lines were read, and ``pending`` more are pending
        than before. Once the round is durable, so are the receipt's first ``durable`` lines.
        Returns the bytes that this holds until then."""
        size = DELIVERY_OVERHEAD_BYTES + ENTRY_OVERHEAD_BYTES * len(out.fixes)
        size += add_fixes(self.fixes, out.fixes, Entry)
        self.records += len(out.fixes)
        self.used += out.lines_used
        self.read += read
        self.pending += pending
        if type(out) is Outcomes:
            size += self._add_others(out)
        deliveries, _, before = self.settled.get(receipt, _NOTHING)
        self.settled[receipt] = _build(Settled, (deliveries + 1, durable, before + size))
        return size

    def _add_others(self, out: Outcomes) -> int:
        """Messages and rejects; the bytes that they hold."""
        size = records = 0
        for message in out.messages:
            value = b"%b" % encode_message(message)
            size += len(value)
            records += 1
            self.messages.append(Entry(message.terminal.encode(), value))
        for reject in out.rejects:
            value = b"%b" % encode_reject(reject)
            size += len(value)
            records += 1
            key = None if reject.terminal is None else reject.terminal.encode()
            self.rejects.append(Entry(key, value))
        for reason, lines in out.lines_rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + lines
        self.records += records
        self.control += out.lines_control
        return size + ENTRY_OVERHEAD_BYTES * records

    def lines_of(self, topic: str) -> int:
        """How many lines its records of ``topic`` stand for."""
        return {
            FIX: self.used - self.control - len(self.messages),
            MESSAGE: len(self.messages),
            REJECT: sum(self.rejected.values()),
        }[topic]
