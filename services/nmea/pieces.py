"""The pieces of a physical line that is not one clean sentence.

Lines get glued or broken, binary protocols stand between sentences, TAG blocks and identities
before them. The scan starts again at every ``$``, ``!`` and TAG block, so that junk never hides
a good sentence; inside junk only a checksum that holds makes a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from services.nmea.checksum import HEX_BYTES, checksum
from services.nmea.tag_block import BLOCK

START = re.compile(rb"[$!]|\\(?=[A-Za-z]:)")

STOP = re.compile(rb"\$|!(?=[A-Z]{5},)|\\(?=[A-Za-z]:)|\*([0-9A-Fa-f]{2})")
"""What ends a body: its checksum, or the beginning of something else. ``!``, ``\\`` and ``*`` are
reserved, but texts contain them."""

BEGINNING = re.compile(rb"[$!][A-Z][A-Z0-9]{3,23}(?=[,*])")

MAYBE = re.compile(
    rb"\*[0-9A-Fa-f]{2}|[$!][A-Z][A-Z0-9]{3,23}(?=[,*])|\\[A-Za-z]:",
)
"""Without any of these a line is junk, however many start marks are in it."""

PADDING = b" \t\x00"


class Shape(Enum):
    """What a piece looks like before its fields are read."""

    SENTENCE = "a sentence with a checksum that holds"
    WRONG = "a sentence with a wrong checksum"
    OPEN = "a sentence without a checksum"
    TAG = "a TAG block"
    JUNK = "anything else"


class Piece(NamedTuple):
    """A part of a physical line."""

    shape: Shape
    raw: bytes


def pieces(line: bytes) -> list[Piece]:
    """All pieces in order, at least one; padding between them is left out."""
    if MAYBE.search(line) is None:
        return [*_junk(line)] or [Piece(Shape.JUNK, line)]
    found: list[Piece] = []
    bodies = _Bodies(line)
    junk = position = 0
    while (start := START.search(line, position)) is not None:
        piece = _piece_at(line, start.start(), bodies)
        position = start.start() + len(piece.raw)
        if piece.shape is not Shape.JUNK:
            # st-teseo receivers double the "$".
            found += _junk(line[junk : start.start()].rstrip(b"$"))
            found.append(Piece(piece.shape, piece.raw.rstrip(PADDING)))
            junk = position
    found += _junk(line[junk:])
    return found or [Piece(Shape.JUNK, line)]


def _junk(raw: bytes) -> Iterator[Piece]:
    if raw := raw.strip(PADDING):
        yield Piece(Shape.JUNK, raw)


class _Bodies:
    """Where bodies end and what their bytes sum up to, for starts that only move forward.

    An end is looked for once for all starts before it, and only what lies between two of them is
    summed up again: so a line of nothing but start marks takes no longer than others.
    """

    __slots__ = ("_begin", "_line", "_stop", "_stop_at", "_sum")

    def __init__(self, line: bytes) -> None:
        self._line = line
        self._begin = self._stop_at = -1
        self._stop: re.Match[bytes] | None = None
        self._sum = 0

    def after(self, start: int) -> tuple[bytes, int, int] | None:
        """The digits, the position behind them and the sum of the body that begins behind a start
        mark; None if it ends without a checksum."""
        line, begin = self._line, start + 1
        if start >= self._stop_at:
            self._stop = STOP.search(line, begin)
            self._stop_at = len(line) if self._stop is None else self._stop.start()
            self._sum = checksum(line[begin : self._stop_at])
        else:
            self._sum ^= checksum(line[self._begin : begin])
        self._begin = begin
        if self._stop is None or self._stop[1] is None:
            return None
        return self._stop[1], self._stop.end(), self._sum


def _piece_at(line: bytes, start: int, bodies: _Bodies) -> Piece:
    """The piece that begins at a start mark."""
    if line[start] == 0x5C:
        block = BLOCK.match(line, start)
        return Piece(Shape.TAG, block[0]) if block else Piece(Shape.JUNK, b"\\")
    ended = bodies.after(start)
    if ended is not None and HEX_BYTES[ended[0]] == ended[2]:
        return Piece(Shape.SENTENCE, line[start : ended[1]])
    if BEGINNING.match(line, start) is None:
        return Piece(Shape.JUNK, line[start : start + 1])
    if ended is not None:
        return Piece(Shape.WRONG, line[start : ended[1]])
    following = START.search(line, start + 1)
    raw = line[start : following.start() if following else len(line)]
    return Piece(Shape.WRONG if b"*" in raw else Shape.OPEN, raw)
