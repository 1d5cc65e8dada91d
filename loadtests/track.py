"""What the terminals of a load say: a few simulated journeys, prepared, shared by all of them."""

from __future__ import annotations

from services.tools.fleet import Terminal, make_fleet
from services.tools.fleet.prepared import Moment, epoch, prepare, sky

TRACKS = 16
PLACES = 600
HALF_MINUTE_US = 30_000_000


class Track:
    """One journey of ten minutes, driven again and again; with ``full``, GSA and GSV, too."""

    def __init__(self, terminal: Terminal, start_us: int, *, full: bool) -> None:
        self._receiver = terminal.receiver
        self._places = prepare(terminal, start_us, PLACES)
        self._full = full
        self._sky = b""
        self._sky_time = -1

    def epoch(self, number: int, time_us: int, now: Moment) -> bytes:
        """The bytes of the epoch at a place and a time."""
        data = epoch(self._places[number % PLACES], now)
        if not self._full:
            return data
        if self._sky_time != time_us // HALF_MINUTE_US:
            self._sky_time = time_us // HALF_MINUTE_US
            self._sky = sky(self._receiver, time_us)
        return data + self._sky


def make_tracks(start_us: int, seed: int, *, full: bool) -> list[Track]:
    """Half of them on roads, half on water."""
    fleet = make_fleet(TRACKS // 2, TRACKS // 2, seed=seed)
    return [Track(terminal, start_us, full=full) for terminal in fleet]
