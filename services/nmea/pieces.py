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

SENTENCE = re.compile(
    rb"[$!]((?:[^$!\\*]|!(?![A-Z]{5},)|\\(?![A-Za-z]:)|\*(?![0-9A-Fa-f]{2}))*)\*([0-9A-Fa-f]{2})"
)
"""A start, a body, a checksum. ``!``, ``\\`` and ``*`` are reserved, but texts contain them, so
they end a body only where they begin something else."""

BEGINNING = re.compile(rb"[$!][A-Z][A-Z0-9]{3,23}(?=[,*])")

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
    found: list[Piece] = []
    junk = position = 0
    while (start := START.search(line, position)) is not None:
        piece = _piece_at(line, start.start())
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


def _piece_at(line: bytes, start: int) -> Piece:
    """The piece that begins at a start mark."""
    if line[start] == 0x5C:
        block = BLOCK.match(line, start)
        return Piece(Shape.TAG, block[0]) if block else Piece(Shape.JUNK, b"\\")
    sentence = SENTENCE.match(line, start)
    if sentence is not None and HEX_BYTES[sentence[2]] == checksum(sentence[1]):
        return Piece(Shape.SENTENCE, sentence[0])
    if BEGINNING.match(line, start) is None:
        return Piece(Shape.JUNK, line[start : start + 1])
    if sentence is not None:
        return Piece(Shape.WRONG, sentence[0])
    following = START.search(line, start + 1)
    raw = line[start : following.start() if following else len(line)]
    return Piece(Shape.WRONG if b"*" in raw else Shape.OPEN, raw)
