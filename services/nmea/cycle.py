"""Learning a receiver's cycle: which sentences make up an epoch, so that its end is known."""

from __future__ import annotations

from collections.abc import Sequence

from services.nmea.fields import Memo
from services.nmea.gga import GGA
from services.nmea.gll import GLL
from services.nmea.gns import GNS
from services.nmea.gst import GST
from services.nmea.gsv import GSV
from services.nmea.readings import Typed
from services.nmea.rmc import RMC
from services.nmea.zda import ZDA

TIMED = (RMC, GGA, GNS, GLL, ZDA, GST)
"""The kinds of sentence that have a time."""

Kind = tuple[str, type]
"""Talker and sentence type."""

Whole = tuple[tuple[str, type, bool], ...]
"""An epoch's sentences in order: talker, type, and whether it is the last of its group (of GSV)."""

FIRST_NEEDED = 2
MOST_NEEDED = 64
TOLERATED_INCOMPLETE = 3
MAX_KINDS = 32
"""An epoch of more kinds is nothing that a receiver sends: it is never learnt."""


class Cycle:
    """What the epochs of one stream are made of, learnt from them. Bounded memory.

    Epochs count by their kinds of sentence and how often each occurs. Of a GSV group only the
    last message counts, since the number of messages changes with the satellites in view.

    Sentences without a time between two epochs could end the one or begin the other. They are
    taken to end it, unless the stream began with just them: a receiver's output begins with the
    beginning of an epoch.
    """

    __slots__ = (
        "_counts",
        "_equal",
        "_known",
        "_leading",
        "_needed",
        "_previous",
        "_run",
        "_start",
        "incomplete",
        "whole",
    )

    def __init__(self) -> None:
        self._known: dict[Kind, int] | None = None
        self._leading: dict[Kind, int] = {}
        """The part of the known cycle that comes before the first sentence with a time."""
        self._counts: dict[Kind, int] = {}
        """Of the open epoch: while learning what it has, later what it still lacks."""
        self._previous: dict[Kind, int] | None = None
        self._start: dict[Kind, int] | None = None
        """What came before the stream's first sentence with a time."""
        self._run: dict[Kind, int] = {}
        """While learning: what came since the last sentence with a time."""
        self._equal = 0
        self._needed = FIRST_NEEDED
        self.incomplete = 0
        """Epochs in a row that left without having the whole cycle."""
        self.whole: Whole | None = None
        """What the last epoch consisted of that left because it had the whole cycle. Another one
        of just the same leaves with its last sentence, too."""

    def begin(self, first: Typed) -> None:
        """A new epoch opens with this sentence (which ``covers`` counts)."""
        if self._start is None and isinstance(first, GSV) and first.number > 1:
            self._start = {}
        if self._known is None:
            self._counts = {}
            return
        self._counts = self._known.copy()
        if self._leading and isinstance(first, TIMED):
            for kind, count in self._leading.items():
                for _ in range(count):
                    self._strike(kind)

    def covers(self, sentence: Typed) -> bool:
        """Count a sentence of the open epoch; True when with it the epoch has the whole cycle."""
        if not _is_last(sentence):
            return False
        kind = (sentence[0], type(sentence))
        if self._known is None:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._follow(sentence, kind)
            return False
        self._strike(kind)
        return not self._counts

    def _strike(self, kind: Kind) -> None:
        """One sentence less to wait for."""
        lacking = self._counts.get(kind)
        if lacking is not None:
            if lacking > 1:
                self._counts[kind] = lacking - 1
            else:
                del self._counts[kind]

    def _follow(self, sentence: Typed, kind: Kind) -> None:
        if isinstance(sentence, TIMED):
            if self._start is None:
                self._start = self._run
            self._run = {}
        elif len(self._run) <= MAX_KINDS:
            self._run[kind] = self._run.get(kind, 0) + 1

    def completed(self, sentences: Sequence[Typed]) -> None:
        """The open epoch left because with these sentences it had the whole cycle."""
        self.incomplete = 0
        whole = tuple((each.talker, type(each), _is_last(each)) for each in sentences)
        self.whole = WHOLES[whole]

    def followed(self, dated: bool) -> None:
        """The open epoch left because a sentence of another time came: learn from it."""
        if self._known is not None:
            self.incomplete += 1
            if self.incomplete >= TOLERATED_INCOMPLETE:
                self._relearn()
            return
        if len(self._counts) > MAX_KINDS:
            self.interrupted()
            return
        if self._counts == self._previous:
            self._equal += 1
        else:
            self._previous = self._counts
            self._equal = 1
        if self._equal >= self._needed and dated:
            self._known = self._previous
            self._leading = self._run if self._run == self._start else {}
            self._previous = None
            self._run = {}
            self.incomplete = 0

    def interrupted(self) -> None:
        """The open epoch left for a reason of its own: nothing is to be learnt from it."""
        self._previous = None
        self._equal = 0

    def refuted(self) -> None:
        """A sentence came for an epoch that had left as complete: learn anew, more carefully."""
        self._needed = min(2 * self._needed, MOST_NEEDED)
        self._relearn()

    def _relearn(self) -> None:
        self._known = None
        self.whole = None
        self._leading = {}
        self._previous = None
        self._counts = {}
        self._run = {}
        self._equal = 0
        self.incomplete = 0


def _is_last(sentence: Typed) -> bool:
    return not isinstance(sentence, GSV) or sentence.number == sentence.total


WHOLES: Memo[Whole, Whole] = Memo(lambda whole: whole)
"""Most receivers send one of a few: each is held once."""
