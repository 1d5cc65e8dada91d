"""The capture's own time: where it stands in the bytes, and when each part is due."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from services.tools.sentence import checksum_holds

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
LONGEST_GAP_US = 60 * SECOND_US
"""A gap of the capture's time beyond this is shortened to it."""
LARGEST_DISORDER_US = 60 * SECOND_US
"""Time going back by more than this starts a new stretch; by less it is a late sentence."""
LONGEST_SENTENCE = 1024

_TIMED = re.compile(
    rb"\$[A-Z]{2}(?:(?:RMC|GGA|GNS|ZDA),|GLL,[^,*\r\n]*,[^,*\r\n]*,[^,*\r\n]*,[^,*\r\n]*,)"
    rb"([0-9]{6})(?:\.([0-9]{1,6})[0-9]*)?[^\r\n$]*"
)


class Burst(NamedTuple):
    """Bytes that are due at one time of the capture."""

    time_of_day_us: int | None
    """None: no time stood before these bytes, they are due at once."""
    data: bytes


def bursts(data: bytes) -> Iterator[Burst]:
    """Cut the bytes before each sentence that carries another time than the one before.

    Times are taken from RMC, GGA, GNS, ZDA and GLL, of any talker, unless the checksum is wrong.
    """
    time, start = None, 0
    for match in _TIMED.finditer(data):
        found = _time_of_day_us(match)
        if found is None or found == time:
            continue
        if match.start() > start:
            yield Burst(time, data[start : match.start()])
        time, start = found, match.start()
    if start < len(data):
        yield Burst(time, data[start:])


class LineJoiner:
    """Holds an unfinished line back, so that a time is never cut in two."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Everything up to the last line's end; a line of over 1024 bytes is not waited for."""
        data = self._held + data
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if len(data) - end > LONGEST_SENTENCE:
            end = len(data)
        self._held = data[end:]
        return data[:end]

    def finish(self) -> bytes:
        """What is held at the end of the capture."""
        held, self._held = self._held, b""
        return held


class Pacer:
    """The capture's times to seconds since the replay began.

    ``speed`` is capture seconds a second. ``shortened`` is told the length in seconds of each gap
    that is longer than a minute.
    """

    def __init__(self, speed: float, shortened: Callable[[float], None]) -> None:
        self._speed = speed
        self._shortened = shortened
        self._elapsed_us = 0
        self._last_us: int | None = None

    def restart(self) -> None:
        """Another capture begins: its first time follows the last one without a wait."""
        self._last_us = None

    def due_s(self, time_of_day_us: int) -> float:
        """When bytes of this time are due. Never decreases: time going back means no wait."""
        if self._last_us is None:
            self._last_us = time_of_day_us
        ahead = (time_of_day_us - self._last_us) % DAY_US
        if ahead > DAY_US // 2:
            if DAY_US - ahead > LARGEST_DISORDER_US:
                self._last_us = time_of_day_us
        else:
            self._last_us = time_of_day_us
            if ahead > LONGEST_GAP_US:
                self._shortened(ahead / SECOND_US)
            self._elapsed_us += min(ahead, LONGEST_GAP_US)
        return self._elapsed_us / SECOND_US / self._speed


def _time_of_day_us(match: re.Match[bytes]) -> int | None:
    clock, fraction = match[1], match[2] or b""
    hours, minutes, seconds = int(clock[:2]), int(clock[2:4]), int(clock[4:])
    if hours > 23 or minutes > 59 or seconds > 60 or not checksum_holds(match[0]):
        return None
    return (hours * 3600 + minutes * 60 + seconds) * SECOND_US + int(fraction.ljust(6, b"0"))
