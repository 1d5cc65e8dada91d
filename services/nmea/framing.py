"""Bytes to physical lines, however the bytes were cut into reads."""

from __future__ import annotations

MAX_LINE = 1024


class Framer:
    """Cuts a stream into lines: maximal runs of bytes other than CR and LF.

    So CR, LF, CRLF and CRCRLF all end a line and there are no blank lines. A line over
    ``max_line`` bytes comes out as its first ``max_line + 1`` bytes; the rest up to its end is
    dropped. Never holds more than ``max_line + 1`` bytes between calls.
    """

    __slots__ = ("max_line", "open_line")

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self.max_line = max_line
        self.open_line = b""
        """The bytes of a line without its end."""

    def feed(self, data: bytes | memoryview) -> list[bytes]:
        """The lines that end in ``data``, in order."""
        if not data:
            return []
        # splitlines of bytes knows CR, LF and CRLF only, as is wanted here.
        pieces = bytes(data).splitlines()
        opened = len(self.open_line)
        if opened:
            # Data that begins with CR or LF makes an empty first piece: it ends the open line.
            pieces[0] = self.open_line + pieces[0]
        self.open_line = b"" if data[-1] in (13, 10) else pieces.pop()[: self.max_line + 1]
        if len(data) + opened > self.max_line and pieces and max(map(len, pieces)) > self.max_line:
            return [piece[: self.max_line + 1] for piece in pieces if piece]
        return list(filter(None, pieces)) if b"" in pieces else pieces

    def finish(self) -> list[bytes]:
        """What is left when the stream ends: its last line if that lacks an end."""
        rest, self.open_line = self.open_line, b""
        return [rest] if rest else []
