"""Sentences of one terminal → one Fix an epoch.

An epoch is all sentences with one UTC time of day, and those without a time around them. It
ends when a sentence of another time comes, when it has all that the receiver's cycle has, or
when the caller flushes. docs/decoding.md has the rules. The result depends on the sentences and
the flushes alone, never on a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.model import Fix
from services.nmea import core
from services.nmea.build_fix import build_fix
from services.nmea.core import Numbered
from services.nmea.cycle import TIMED, Cycle
from services.nmea.dates import DAY_US, DateKeeper, date_given
from services.nmea.gga import GGA
from services.nmea.gll import GLL
from services.nmea.gns import GNS
from services.nmea.gst import GST
from services.nmea.readings import Typed
from services.nmea.reasons import AFTER_EPOCH, CONNECTION_LOST, NO_TIME
from services.nmea.rmc import RMC
from services.nmea.zda import ZDA

_Timed = RMC | GGA | GNS | GLL | ZDA | GST
_CLOCK = (ZDA, GST)
"""Timed, but not by the position: in some receivers their time differs from it a little."""

MAX_LINES = 256
"""The most lines of one epoch: with them it leaves, so that its memory is bounded."""


class Undated(NamedTuple):
    """A Fix without a date, with its lines: it can't be stored, so they are dead-lettered."""

    fix: Fix
    lines: tuple[bytes, ...]


class Rejected(NamedTuple):
    """A line that is in no Fix, with the reason (see ``services.nmea.reasons``)."""

    line: bytes
    reason: str
    received_at_us: int


Outcome = Fix | Undated | Rejected

_build = tuple.__new__


class WholeBytes(NamedTuple):
    """What whole epochs at the beginning of some bytes gave."""

    fixes: list[Fix]
    """At least one."""
    lines_used: int
    end: int
    """The place behind them and their line ends."""


class Assembler:
    """The sentences of one terminal, one at a time in the order of its stream → Outcomes."""

    __slots__ = (
        "_clock_time",
        "_cycle",
        "_dates",
        "_last_time_us",
        "_left_complete",
        "_left_time",
        "_left_time_us",
        "_ordinal",
        "_received_at_us",
        "_sentences",
        "_time",
        "lines",
        "run",
        "terminal",
    )

    def __init__(self, terminal: str, run: str = "") -> None:
        self.terminal = terminal
        self.run = run
        self._cycle = Cycle()
        self._dates = DateKeeper()
        self._sentences: list[Typed] = []
        self.lines: list[bytes] = []
        """Of the open epoch: neither used nor rejected yet."""
        self._ordinal = 0
        self._received_at_us = 0
        self._time: int | None = None
        """Time of day of the open epoch, as RMC, GGA, GNS or GLL gave it."""
        self._clock_time: int | None = None
        """Time of day that only ZDA or GST gave so far: the others may correct it."""
        self._left_time: int | None = None
        """Time of day of the epoch that left last."""
        self._left_time_us: int | None = None
        self._left_complete = False
        self._last_time_us: int | None = None

    @property
    def pending_ordinal(self) -> int | None:
        """Ordinal of the open epoch's first line; None if no epoch is open."""
        return self._ordinal if self.lines else None

    @property
    def last_time_us(self) -> int | None:
        """UTC of the last epoch, the open one included; None before the first with a date.

        It is the same whether the open epoch was flushed already or not.
        """
        time_of_day_us = self._time if self._time is not None else self._clock_time
        if time_of_day_us is None:
            return self._last_time_us
        given = date_given(time_of_day_us, self._sentences)
        time_us = self._dates.time_us(time_of_day_us, given)
        return self._last_time_us if time_us is None else time_us

    def feed(
        self, sentence: Typed, raw: bytes, ordinal: int, received_at_us: int
    ) -> Sequence[Outcome]:
        """Take one sentence; mostly nothing leaves, sometimes one Outcome or more.

        ``raw`` is its line, ``ordinal`` the line's number in the stream.
        """
        outcomes: Sequence[Outcome] = ()
        if isinstance(sentence, TIMED):
            time = sentence.time_of_day_us
            if time is None:
                outcomes = self._turn_timeless(sentence)
            elif time != self._time:
                turned = self._turn(sentence, time)
                if turned is None:
                    return self._refuse(raw, received_at_us)
                outcomes = turned
        if not self.lines:
            self._ordinal = ordinal
            self._cycle.begin(sentence)
        self._sentences.append(sentence)
        self.lines.append(raw)
        self._received_at_us = received_at_us
        if self._cycle.covers(sentence):
            self._cycle.completed(self._sentences)
            left = self._leave(complete=True)
            return [*outcomes, *left] if outcomes else left
        if len(self.lines) >= MAX_LINES:
            return [*outcomes, *self.flush()]
        return outcomes

    def feed_whole(
        self, readings: list[Numbered], start: int, received_at_us: int
    ) -> tuple[int, Sequence[Outcome]]:
        """A shortcut for an epoch that came complete, just as the last one did.

        How many of ``readings[start:]`` were taken, maybe none, and what feeding them one by one
        would have given.
        """
        whole = self._cycle.whole
        if whole is None or self.lines or core.next_epoch is None:
            return 0, ()
        found = core.next_epoch(readings, start, whole, self._left_time)
        if found is None:
            return 0, ()
        time, given, sentences = found
        time_us = self._dates.settle(time, given)
        fix = build_fix(self.terminal, time_us, time, sentences, received_at_us, self.run)
        self._cycle.incomplete = 0
        self._left_time = time
        self._left_time_us = time_us
        self._left_complete = True
        taken = len(whole)
        if time_us is None:
            lines = tuple(raw for raw, _, _ in readings[start : start + taken])
            return taken, (Undated(fix, lines),)
        self._last_time_us = time_us
        return taken, (fix,)

    def feed_bytes(
        self, data: bytes, start: int, received_at_us: int, max_fields: int
    ) -> WholeBytes | None:
        """A shortcut for ``data[start:]`` that begins with epochs as ``feed_whole`` takes them, in
        plain lines and with dates of their own: framing and reading are done on the way.

        Allowed where a line begins. None if there is no such epoch.
        """
        whole = self._cycle.whole
        if whole is None or self.lines or core.whole_epochs is None:
            return None
        found = core.whole_epochs(
            data,
            start,
            whole,
            self._left_time,
            max_fields,
            self.terminal,
            received_at_us,
            self.run,
            build_fix,
        )
        if found is None:
            return None
        fixes, end, time, date = found
        self._cycle.incomplete = 0
        self._left_time = time
        self._left_time_us = self._last_time_us = self._dates.keep(time, date)
        self._left_complete = True
        # Half the time of WholeBytes(…), for nearly every read.
        return _build(WholeBytes, (fixes, len(fixes) * len(whole), end))

    def flush(self) -> Sequence[Outcome]:
        """The open epoch leaves as it is: after silence, a disconnect or the end of a file."""
        if not self.lines:
            return ()
        self._cycle.interrupted()
        return self._leave()

    def discard(self) -> Sequence[Rejected]:
        """The open epoch's lines, rejected as connection_lost: the terminal sends them again."""
        rejected = [Rejected(line, CONNECTION_LOST, self._received_at_us) for line in self.lines]
        self._cycle.interrupted()
        self._close()
        return rejected

    def _turn(self, sentence: _Timed, time: int) -> Sequence[Outcome] | None:
        """Make room for a sentence whose time is not the open epoch's; None refuses it."""
        is_clock = isinstance(sentence, _CLOCK)
        open_time = self._clock_time if is_clock and self._time is None else self._time
        if time == open_time:
            return ()
        if time == self._left_time and self._is_late(sentence, time):
            return () if isinstance(sentence, ZDA) else None
        outcomes = () if open_time is None else self._leave_followed()
        if is_clock:
            self._clock_time = time
        else:
            self._time = time
        return outcomes

    def _turn_timeless(self, sentence: _Timed) -> Sequence[Outcome]:
        """A receiver that has lost the time goes on with empty ones: a kind that the open epoch
        has already begins another epoch all the same."""
        if isinstance(sentence, _CLOCK):
            return ()
        for earlier in self._sentences:
            if type(earlier) is type(sentence) and earlier.talker == sentence.talker:
                return self.flush() if self._time is None else self._leave_followed()
        return ()

    def _is_late(self, sentence: _Timed, time: int) -> bool:
        """Whether a sentence with the time of day of the epoch that left last belongs to it."""
        if self._left_time_us is None or not isinstance(sentence, RMC | ZDA):
            return True
        days = sentence.date_days
        return days is None or days * DAY_US + time == self._left_time_us

    def _refuse(self, raw: bytes, received_at_us: int) -> Sequence[Outcome]:
        if self._left_complete:
            self._cycle.refuted()
            self._left_complete = False
        return (Rejected(raw, AFTER_EPOCH, received_at_us),)

    def _leave_followed(self) -> Sequence[Outcome]:
        outcomes = self._leave()
        self._cycle.followed(dated=self._left_time_us is not None)
        return outcomes

    def _leave(self, complete: bool = False) -> Sequence[Outcome]:
        time = self._time if self._time is not None else self._clock_time
        sentences, lines = self._sentences, self.lines
        if time is None:
            return self._leave_timeless()
        time_us = self._dates.settle(time, date_given(time, sentences))
        fix = build_fix(self.terminal, time_us, time, sentences, self._received_at_us, self.run)
        self._close()
        self._left_time = time
        self._left_time_us = time_us
        self._left_complete = complete
        if time_us is None:
            return (Undated(fix, tuple(lines)),)
        self._last_time_us = time_us
        return (fix,)

    def _leave_timeless(self) -> Sequence[Outcome]:
        """No Fix without a time. A ZDA among the lines is one that came after its epoch left."""
        rejected = [
            Rejected(
                line, AFTER_EPOCH if isinstance(sentence, ZDA) else NO_TIME, self._received_at_us
            )
            for sentence, line in zip(self._sentences, self.lines, strict=True)
        ]
        self._close()
        return rejected

    def _close(self) -> None:
        self._sentences = []
        self.lines = []
        self._time = None
        self._clock_time = None
