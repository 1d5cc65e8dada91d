"""Lines counted as ingest counts them, and the sent bytes that are not acknowledged yet."""

from __future__ import annotations

import re
from collections import deque
from itertools import islice

_LINE = re.compile(rb"[^\r\n]+")


class LineCounter:
    """Counts physical lines as ingest does: maximal runs of bytes other than CR and LF."""

    def __init__(self) -> None:
        self.complete = 0
        """Lines whose end has been seen."""
        self.open = False
        """Whether the last byte belongs to a line that has not ended yet."""

    def feed(self, data: bytes) -> None:
        """Count on; how the stream is cut into pieces makes no difference."""
        if not data:
            return
        # bytes.splitlines splits at CR, LF and CR LF only, in C; empty ones are no lines.
        runs = sum(map(bool, data.splitlines()))
        joined = self.open and data[0] not in b"\r\n"
        still_open = data[-1] not in b"\r\n"
        self.complete += runs + (self.open and not joined) - still_open
        self.open = still_open


class Window:
    """The bytes that were sent and not yet acknowledged: what a new connection starts with."""

    def __init__(self) -> None:
        self.sent_lines = 0
        """Complete lines that were added, from the beginning."""
        self.acknowledged_lines = 0
        self.retained_bytes = 0
        self._segments: deque[tuple[int, bytes]] = deque()
        self._tail = b""

    def add(self, data: bytes) -> None:
        """Keep what is about to be sent. Only whole lines go into segments."""
        data = self._tail + data
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        whole, tail = data[:end], data[end:]
        self.retained_bytes += len(whole) + len(tail) - len(self._tail)
        self._tail = tail
        if whole:
            lines = sum(map(bool, whole.splitlines()))
            self._segments.append((self.sent_lines, whole))
            self.sent_lines += lines

    @property
    def unacknowledged_lines(self) -> int:
        return self.sent_lines - self.acknowledged_lines

    @property
    def open_line_bytes(self) -> int:
        """Size of the last line, if its end has not been seen."""
        return len(self._tail)

    def acknowledge(self, lines: int) -> None:
        """The first ``lines`` lines are safe. Raises ValueError if that many were never sent."""
        if lines > self.sent_lines + bool(self._tail):
            raise ValueError(f"{lines} lines acknowledged, {self.sent_lines} sent")
        self.acknowledged_lines = max(self.acknowledged_lines, min(lines, self.sent_lines))
        while self._segments and self._end_of_first() <= self.acknowledged_lines:
            self.retained_bytes -= len(self._segments.popleft()[1])

    def rest(self) -> list[bytes]:
        """What must be sent again: everything from the first unacknowledged line on."""
        pieces = [segment for _, segment in self._segments]
        if pieces:
            done = self.acknowledged_lines - self._segments[0][0]
            pieces[0] = pieces[0][_start_of_line(pieces[0], done) :]
        return [*pieces, self._tail] if self._tail else pieces

    def _end_of_first(self) -> int:
        return self._segments[1][0] if len(self._segments) > 1 else self.sent_lines


def _start_of_line(data: bytes, number: int) -> int:
    """Where line ``number`` (from 0) begins; the end if there are not so many."""
    match = next(islice(_LINE.finditer(data), number, None), None)
    return match.start() if match else len(data)
