"""The decoding of one terminal's readings: what a stream offline and a connection share.

Readings (see ``services.nmea.read``) go in one at a time; fixes, messages and rejects collect
in an ``Outcomes``, together with the counts of the loss ledger.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.codec import content_id
from services.model import MAX_REJECT_BYTES, Fix, Message, Reject
from services.nmea.core import Numbered
from services.nmea.epoch import Assembler, Outcome, Rejected, Undated
from services.nmea.identity import Identification
from services.nmea.readings import Bad, Control, Other, Reading
from services.nmea.reasons import NO_DATE, UNSUPPORTED
from services.nmea.reference import parse_other
from services.nmea.tag_block import TagBlock


class Outcomes:
    """What some lines gave: records in order and the ledger's counts. Empty at first.

    Make a new one a batch, or ``clear()`` it once its records are published.
    """

    __slots__ = (
        "fixes",
        "lines_control",
        "lines_rejected",
        "lines_used",
        "messages",
        "rejects",
        "undated",
    )

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all records and counts."""
        self.fixes: list[Fix] = []
        """Fixes with a date: to be published."""
        self.undated: list[Fix] = []
        """Fixes without a date; their lines are among the rejects, with the reason no_date."""
        self.messages: list[Message] = []
        self.rejects: list[Reject] = []
        self.lines_used = 0
        """Lines that are in a fix or a message, or are control lines."""
        self.lines_control = 0
        """The part of lines_used that gave no record."""
        self.lines_rejected: dict[str, int] = {}
        """By reason."""

    def reject(
        self, terminal: str | None, reason: str, line: bytes, received_at_us: int, run: str
    ) -> None:
        """Add one rejected line and count it."""
        self.rejects.append(Reject(terminal, reason, line[:MAX_REJECT_BYTES], received_at_us, run))
        self.lines_rejected[reason] = self.lines_rejected.get(reason, 0) + 1


class TerminalDecoder:
    """Readings of one terminal in the order of its stream → ``Outcomes``. Pure."""

    __slots__ = ("assembler", "run", "terminal")

    def __init__(self, terminal: str, run: str = "") -> None:
        self.terminal = terminal
        self.run = run
        self.assembler = Assembler(terminal, run)
        """For those who have whole epochs for it (``Assembler.feed_bytes``)."""

    def take(
        self, raw: bytes, reading: Reading, ordinal: int, received_at_us: int, out: Outcomes
    ) -> None:
        """Decode one reading into ``out``.

        Typed sentences go to the open epoch (they count once it leaves); ``Other`` becomes a
        message or a reject; ``Bad`` a reject. ``Control``, ``Identification`` and ``TagBlock``
        only count as control lines (unless ``raw`` is empty): acting on them is the caller's.
        ``ordinal`` is the number of the physical line that ``raw`` came on.
        """
        if isinstance(reading, Other):
            self._take_other(raw, reading, received_at_us, out)
        elif isinstance(reading, Bad):
            out.reject(self.terminal, reading.reason, raw, received_at_us, self.run)
        elif isinstance(reading, _CONTROL):
            if raw:
                out.lines_used += 1
                out.lines_control += 1
        elif outcomes := self.assembler.feed(reading, raw, ordinal, received_at_us):
            self._put(outcomes, out)

    def take_whole(
        self, readings: list[Numbered], start: int, received_at_us: int, out: Outcomes
    ) -> int:
        """Decode into ``out`` the epoch that begins with ``readings[start]`` if that can be done
        in one go; returns how many readings that took, 0 if it can't."""
        taken, outcomes = self.assembler.feed_whole(readings, start, received_at_us)
        if taken:
            self._put(outcomes, out)
        return taken

    def flush(self, out: Outcomes) -> None:
        """Let the open epoch leave: after a silent interval, a disconnect, the end of a file."""
        self._put(self.assembler.flush(), out)

    def discard(self, out: Outcomes) -> None:
        """Reject the lines of the open epoch as connection_lost: the terminal resends them."""
        self._put(self.assembler.discard(), out)

    @property
    def pending_lines(self) -> int:
        """Lines in the open epoch: neither used nor rejected yet."""
        return len(self.assembler.lines)

    @property
    def pending_ordinal(self) -> int | None:
        """Ordinal of the open epoch's first line; None if no epoch is open."""
        return self.assembler.pending_ordinal

    def _put(self, outcomes: Iterable[Outcome], out: Outcomes) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Fix):
                out.fixes.append(outcome)
                out.lines_used += outcome.lines
            elif isinstance(outcome, Rejected):
                line, reason, received_at_us = outcome
                out.reject(self.terminal, reason, line, received_at_us, self.run)
            else:
                self._put_undated(outcome, out)

    def _put_undated(self, undated: Undated, out: Outcomes) -> None:
        out.undated.append(undated.fix)
        for line in undated.lines:
            out.reject(self.terminal, NO_DATE, line, undated.fix.received_at_us, self.run)

    def _take_other(self, raw: bytes, other: Other, received_at_us: int, out: Outcomes) -> None:
        fields = parse_other(raw, other)
        if fields is None:
            out.reject(self.terminal, UNSUPPORTED, raw, received_at_us, self.run)
            return
        time_us = self.assembler.last_time_us
        name = content_id(self.terminal, "" if time_us is None else time_us, raw)
        out.messages.append(
            Message(
                name,
                self.terminal,
                time_us,
                other.talker,
                other.sentence,
                fields,
                raw,
                received_at_us,
                self.run,
            )
        )
        out.lines_used += 1


_CONTROL = (Control, Identification, TagBlock)
