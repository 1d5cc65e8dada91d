"""How fast and how slowly a connection may send: its times and its rate, without a clock."""

from __future__ import annotations

from typing import NamedTuple, Self

from services.ingest.limits import FIRST_LINE, IDLE, LINE_TIME
from services.ingest.settings import LimitSettings

SHORTEST_BURST_S = 0.5
"""Ticks wake those who were slowed: a bucket that a tick could fill would waste what came in."""


class PaceLimits(NamedTuple):
    """What holds for all connections of a server; times in seconds."""

    first_line_s: float
    line_s: float
    idle_s: float
    line_cost_s: float
    """What a line takes out of a terminal's bucket, as the time in which it comes back."""
    burst_s: float
    """A full bucket, in the same way; see ``limits.Bucket``."""

    @classmethod
    def of(cls, limits: LimitSettings) -> Self:
        """As the settings say it."""
        rate, burst = limits.terminal_lines_per_s, limits.terminal_burst_lines
        return cls(
            limits.first_line_s,
            limits.line_s,
            limits.idle_s,
            1 / rate if rate else 0.0,
            max(burst / rate, SHORTEST_BURST_S) if rate else 0.0,
        )


class Pace:
    """When a connection was heard, and how many lines it sent. ``now_s`` is the time in seconds,
    ``heard_valid`` whether a line of it could ever be read."""

    __slots__ = (
        "_began_s",
        "_full_at_s",
        "_heard_s",
        "_limits",
        "_line_began_s",
        "_line_cost_s",
        "slowed",
        "slowed_before",
    )

    def __init__(self, limits: PaceLimits, now_s: float) -> None:
        self._limits = limits
        self._began_s = self._heard_s = now_s
        self._line_began_s: float | None = None
        """Since when a line has been open."""
        self._full_at_s = 0.0
        """The state of its bucket of lines."""
        self._line_cost_s = limits.line_cost_s
        self.slowed = self.slowed_before = False
        """It has sent too many lines, and is not read until that is made up for."""

    def heard(self, now_s: float, lines: int, *, ended: bool) -> bool:
        """Bytes came with the ends of so many lines; ``ended``: the last byte ended one. Returns
        whether ``due_s`` may be earlier now: a line has begun, or too many came."""
        self._heard_s = now_s
        begins = False
        if ended:
            self._line_began_s = None
        elif lines or self._line_began_s is None:
            self._line_began_s = now_s
            begins = True
        if not lines:
            return begins
        full_at_s = self._full_at_s
        if full_at_s < now_s:  # noqa: PLR1730 - a call of max() is half of all that is done here
            full_at_s = now_s
        self._full_at_s = full_at_s = full_at_s + lines * self._line_cost_s
        return begins or full_at_s > now_s + self._limits.burst_s

    def is_too_fast(self, now_s: float, terminals: int) -> bool:
        """Whether more lines came than so many terminals may send."""
        burst_s = self._limits.burst_s
        cost_s = self._limits.line_cost_s / max(1, terminals)
        if self._full_at_s > now_s + burst_s and cost_s < self._line_cost_s:
            # A gateway may send as much for each of its terminals.
            self._full_at_s = now_s + (self._full_at_s - now_s) * cost_s / self._line_cost_s
            self._line_cost_s = cost_s
        return self._full_at_s > now_s + burst_s

    def ready_at_s(self) -> float:
        """When what was sent too fast is made up for."""
        return self._full_at_s - self._limits.burst_s

    def overdue(self, now_s: float, *, heard_valid: bool) -> str | None:
        """The limit of time that is exceeded."""
        limits = self._limits
        if self._line_began_s is not None and now_s >= self._line_began_s + limits.line_s:
            return LINE_TIME
        if not heard_valid and now_s >= self._began_s + limits.first_line_s:
            return FIRST_LINE
        return IDLE if now_s >= self._heard_s + limits.idle_s else None

    def due_s(self, *, heard_valid: bool) -> float:
        """The earliest moment at which there can be something to do or to refuse."""
        limits = self._limits
        due_s = self._heard_s + limits.idle_s
        if self._line_began_s is not None:
            due_s = min(due_s, self._line_began_s + limits.line_s)
        if not heard_valid:
            due_s = min(due_s, self._began_s + limits.first_line_s)
        return min(due_s, self.ready_at_s()) if self.slowed else due_s

    def forgive(self, now_s: float) -> None:
        """Time in which it was not read does not count."""
        self._began_s = self._heard_s = now_s
        if self._line_began_s is not None:
            self._line_began_s = now_s
