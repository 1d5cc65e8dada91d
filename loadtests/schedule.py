"""When each fix of a load is due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from services.tools.fleet.prepared import Moment, moment

TICK_S = 0.01
TICK_US = 10_000
MAX_RATE_A_TERMINAL = 50
"""Two fixes of one terminal never share a tick, and so never a time."""


class Sends(Protocol):
    """What the schedule needs of a terminal."""

    def send(self, time_us: int, now: Moment) -> None:
        """One epoch of this time."""
        ...


class Schedule:
    """Fixes evenly spread over time and terminals: number n is due n / rate seconds after the
    rate began. All fixes of one tick carry the same time."""

    def __init__(self, terminals: Sequence[Sends], rate: float, start_us: int) -> None:
        self._terminals = terminals
        self._start_us = start_us - start_us % TICK_US
        self._rate = rate
        self._since_s = 0.0
        self._before = 0
        self._sent = 0

    def change_rate(self, rate: float, seconds: float) -> None:
        """From this moment (seconds after the start) on; what was due until then is sent."""
        self.send_until(seconds)
        self._rate, self._since_s, self._before = rate, seconds, self._sent

    def send_until(self, seconds: float) -> None:
        """Send what is due by then."""
        due = self._before + int((seconds - self._since_s) * self._rate)
        terminals, count = self._terminals, len(self._terminals)
        while self._sent < due:
            tick = int((self._since_s + (self._sent - self._before) / self._rate) / TICK_S)
            to_the_end = int(((tick + 1) * TICK_S - self._since_s) * self._rate) + 1
            tick_end = max(min(due, self._before + to_the_end), self._sent + 1)
            time_us = self._start_us + tick * TICK_US
            now = moment(time_us)
            for number in range(self._sent, tick_end):
                terminals[number % count].send(time_us, now)
            self._sent = tick_end
