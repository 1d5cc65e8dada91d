"""Looking for the highest rate that is sustained: which rate to try next. Pure."""

from __future__ import annotations

from typing import NamedTuple

GROWTH = 1.5
PRECISION = 1.08
"""Short tries end when the lowest rate that failed is so near to the highest that held."""
STEP_DOWN = 0.94
LOWEST = 10.0
SHORT_SHARE = 6
SHORTEST_S = 4.0


class Trial(NamedTuple):
    """A rate to try."""

    rate: float
    """Fixes a second."""
    seconds: float
    full: bool
    """For the whole window: a rate counts only if it holds in one of these."""


class Search:
    """Up in steps, then between what held and what did not, both in short tries; then the whole
    window, at a lower rate as long as it does not hold.

    A short try that fails is made once more: a moment of other work on the machine would hide all
    higher rates.
    """

    def __init__(self, start: float, window_s: float, highest: float) -> None:
        self.found: float | None = None
        """The rate that held for a whole window."""
        self._window_s = window_s
        self._highest = highest
        self._held = 0.0
        self._failed: float | None = None
        self._doubted: float | None = None
        """The rate that failed just now, and is to be tried again."""
        self._next: Trial | None = self._short(start)

    def next(self) -> Trial | None:
        """What to try; None when the search is over."""
        return self._next

    def tell(self, held: bool) -> None:
        """How the trial went."""
        trial = self._next
        assert trial is not None
        if trial.full:
            self._tell_full(trial, held)
            return
        if held:
            self._held = trial.rate
        elif trial.rate != self._doubted:
            self._doubted = trial.rate
            return
        else:
            self._failed = trial.rate
        self._next = self._after_short(trial.rate)

    def _tell_full(self, trial: Trial, held: bool) -> None:
        if held:
            self.found, self._next = trial.rate, None
            return
        lower = trial.rate * STEP_DOWN
        self._next = Trial(lower, self._window_s, True) if lower >= LOWEST else None

    def _after_short(self, rate: float) -> Trial | None:
        if self._failed is None:
            if self._held >= self._highest:
                return Trial(self._held, self._window_s, True)
            return self._short(min(rate * GROWTH, self._highest))
        if not self._held:
            return self._short(rate / 2) if rate / 2 >= LOWEST else None
        if self._failed / self._held > PRECISION:
            return self._short((self._failed * self._held) ** 0.5)
        return Trial(self._held, self._window_s, True)

    def _short(self, rate: float) -> Trial:
        return Trial(rate, max(self._window_s / SHORT_SHARE, SHORTEST_S), False)
