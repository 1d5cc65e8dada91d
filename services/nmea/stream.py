"""One byte stream of one known terminal → fixes, messages and rejects. Pure."""

from __future__ import annotations

from services.nmea.framing import Framer
from services.nmea.read import MAX_LINE, read_lines
from services.nmea.terminal import Outcomes, TerminalDecoder


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
        self._take(self._framer.feed(data), received_at_us, out)
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
