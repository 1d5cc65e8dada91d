"""Learning a receiver's cycle: which sentences make up an epoch, so that its end is known."""

from __future__ import annotations

from services.nmea.gsv import GSV
from services.nmea.read import Typed

Kind = tuple[str, type]
"""Talker and sentence type."""

FIRST_NEEDED = 2
MOST_NEEDED = 64
TOLERATED_INCOMPLETE = 3
MAX_KINDS = 32
"""An epoch of more kinds is nothing that a receiver sends: it is never learnt."""


class Cycle:
    """What the epochs of one stream are made of, learnt from them. Bounded memory.

    Epochs count by their kinds of sentence and how often each occurs. Of a GSV group only the
    last message counts, since the number of messages changes with the satellites in view.
    """

    __slots__ = ("_counts", "_equal", "_incomplete", "_known", "_needed", "_previous")

    def __init__(self) -> None:
        self._known: dict[Kind, int] | None = None
        self._counts: dict[Kind, int] = {}
        """Of the open epoch: while learning what it has, later what it still lacks."""
        self._previous: dict[Kind, int] | None = None
        self._equal = 0
        self._needed = FIRST_NEEDED
        self._incomplete = 0

    def begin(self) -> None:
        """A new epoch opens."""
        self._counts = {} if self._known is None else self._known.copy()

    def covers(self, sentence: Typed) -> bool:
        """Count a sentence of the open epoch; True when with it the epoch has the whole cycle."""
        if isinstance(sentence, GSV) and sentence.number != sentence.total:
            return False
        kind = (sentence[0], type(sentence))
        counts = self._counts
        if self._known is None:
            counts[kind] = counts.get(kind, 0) + 1
            return False
        lacking = counts.get(kind)
        if lacking is not None:
            if lacking > 1:
                counts[kind] = lacking - 1
            else:
                del counts[kind]
        return not counts

    def completed(self) -> None:
        """The open epoch left because it had the whole cycle."""
        self._incomplete = 0

    def followed(self, dated: bool) -> None:
        """The open epoch left because a sentence of another time came: learn from it."""
        if self._known is not None:
            self._incomplete += 1
            if self._incomplete >= TOLERATED_INCOMPLETE:
                self._relearn()
            return
        if self._counts == self._previous:
            self._equal += 1
        else:
            self._previous = self._counts
            self._equal = 1
        if self._equal >= self._needed and dated and len(self._counts) <= MAX_KINDS:
            self._known = self._previous
            self._previous = None
            self._incomplete = 0

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
        self._previous = None
        self._counts = {}
        self._equal = 0
        self._incomplete = 0
