"""One byte stream of one known terminal → fixes, messages and rejects. Pure."""

from __future__ import annotations

from services.nmea import core
from services.nmea.core import LONGEST_PLAIN
from services.nmea.epoch import WholeBytes
from services.nmea.framing import Framer
from services.nmea.read import MAX_LINE, read_lines
from services.nmea.sentences import MAX_FIELDS
from services.nmea.terminal import Outcomes, TerminalDecoder

FIRST_PIECE_BYTES = 2_048
LINES_TRIED = 12


def next_cut(data: bytes, start: int, refused: int) -> int:
    """Up to where bytes go the whole way before the shortcut for whole epochs is tried again, which
    has been refused ``refused`` times in a row, now at ``start``.

    First some kilobytes, so that small reads stay in one piece; then line by line, as many as an
    epoch has, since the shortcut works between two epochs only. Then twice as many bytes: a stream
    that is not plain seldom becomes so.
    """
    if core.whole_epochs is None:
        return len(data)
    times, line = divmod(refused, LINES_TRIED)
    least = start if line else start + (FIRST_PIECE_BYTES << min(times, 10))
    return data.find(b"\n", least) + 1 or len(data)


class Stream:
    """Framer, reader and assembler in a row, for a terminal that is known from outside.

    Login, identification and TAG blocks in the stream do not change the terminal; they count as
    control lines. The outcome does not depend on how the bytes were cut into reads.
    """

    def __init__(
        self,
        terminal: str,
        *,
        allow_missing_checksum: bool = False,
        max_line: int = MAX_LINE,
        run: str = "",
    ) -> None:
        self._framer = Framer(max_line)
        self._decoder = TerminalDecoder(terminal, run)
        self._allow_missing_checksum = allow_missing_checksum
        self._max_line = max_line
        self._ordinal = 0

    def feed(self, data: bytes, received_at_us: int) -> Outcomes:
        """What the next bytes complete."""
        out = Outcomes()
        start = refused = 0
        while start < len(data):
            if whole := self._take_whole(data, start, received_at_us):
                out.fixes += whole.fixes
                out.lines_used += whole.lines_used
                self._ordinal += whole.lines_used
                start, refused = whole.end, 0
            else:
                end = next_cut(data, start, refused)
                self._take(self._framer.feed(data[start:end]), received_at_us, out)
                start, refused = end, refused + 1
        return out

    def end_line(self, received_at_us: int) -> Outcomes:
        """The last line is complete though it had no newline: at the end of one file of many."""
        out = Outcomes()
        self._take(self._framer.finish(), received_at_us, out)
        return out

    def finish(self, received_at_us: int) -> Outcomes:
        """What is left at the end: a last line without a newline, and the open epoch."""
        out = self.end_line(received_at_us)
        self._decoder.flush(out)
        return out

    def _take_whole(self, data: bytes, start: int, received_at_us: int) -> WholeBytes | None:
        if self._framer.open_line or self._max_line < LONGEST_PLAIN:
            return None
        return self._decoder.assembler.feed_bytes(data, start, received_at_us, MAX_FIELDS)

    def _take(self, lines: list[bytes], received_at_us: int, out: Outcomes) -> None:
        decoder = self._decoder
        readings = read_lines(
            lines,
            self._ordinal + 1,
            allow_missing_checksum=self._allow_missing_checksum,
            max_line=self._max_line,
        )
        at = 0
        while at < len(readings):
            if taken := decoder.take_whole(readings, at, received_at_us, out):
                at += taken
                continue
            raw, reading, ordinal = readings[at]
            decoder.take(raw, reading, ordinal, received_at_us, out)
            at += 1
        self._ordinal += len(lines)
