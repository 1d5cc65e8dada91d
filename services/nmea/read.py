"""Physical lines to what they say: the fast path for clean frequent sentences, and the rest.

The compiled core, where there is one, only saves time: the Python code here defines the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from services.nmea import core, identity, tag_block
from services.nmea.checksum import ENDS, HEX_BYTES, SHORT_LINE, checksum
from services.nmea.checksums_many import WORTH_IT_LINES, lines_that_hold
from services.nmea.core import Numbered
from services.nmea.framing import MAX_LINE
from services.nmea.identity import Identification
from services.nmea.pieces import PADDING, Piece, Shape, pieces
from services.nmea.readings import Bad, Control, Other, Pair, Reading, Typed
from services.nmea.reasons import (
    CHECKSUM_MISSING,
    CHECKSUM_WRONG,
    LINE_TOO_LONG,
    MALFORMED,
    NOT_NMEA,
    TAG_CHECKSUM_WRONG,
)
from services.nmea.sentences import BAD_FIELD_READING, MAX_FIELDS, TYPED, read_sentence

__all__ = [
    "MAX_LINE",
    "Bad",
    "Control",
    "Numbered",
    "Other",
    "Pair",
    "Reading",
    "Typed",
    "line_reader",
    "read_line",
    "read_lines",
    "read_lines_in_python",
]

compiled = core.read_lines
"""None where everything is read by Python code."""

_INT = int.from_bytes
_TYPED = TYPED.get
_DOLLAR = ord("$")
_LEAST = len("$GNRMC*00")
"""A typed sentence's bytes that are no commas, at least: a shorter line than the most fields and
these can't have too many."""
_SENTENCES = (Shape.SENTENCE, Shape.WRONG, Shape.OPEN)


@cache
def line_reader(
    *, allow_missing_checksum: bool = False, max_line: int = MAX_LINE, max_fields: int = MAX_FIELDS
) -> Callable[[Sequence[bytes], int], list[Numbered]]:
    """``read_lines`` with these settings, made once: it saves each short read a little."""

    def in_python(lines: Sequence[bytes], first_ordinal: int) -> list[Numbered]:
        return read_lines_in_python(
            lines,
            first_ordinal,
            allow_missing_checksum=allow_missing_checksum,
            max_line=max_line,
            max_fields=max_fields,
        )

    def otherwise(line: bytes, ordinal: int) -> list[Numbered]:
        return in_python((line,), ordinal)

    def read(lines: Sequence[bytes], first_ordinal: int) -> list[Numbered]:
        if compiled is None:
            return in_python(lines, first_ordinal)
        return compiled(lines, first_ordinal, max_fields, otherwise)

    return read


def read_lines(
    lines: Sequence[bytes],
    first_ordinal: int,
    *,
    allow_missing_checksum: bool = False,
    max_line: int = MAX_LINE,
    max_fields: int = MAX_FIELDS,
) -> list[Numbered]:
    """What physical lines say, piece by piece in order: nearly always one piece a line.

    Each comes with its bytes and the number of its line, counted from ``first_ordinal``. A TAG
    block or an identity before a sentence on the same line comes with ``b""``, since it is no
    line of its own. ``allow_missing_checksum`` accepts a sentence without one if nothing else
    stands on the line. A line over ``max_line`` bytes gives the sentences in it whose checksum
    holds, then Bad ``line_too_long``. A sentence over ``max_fields`` gives Bad ``too_many_fields``.
    """
    read = line_reader(
        allow_missing_checksum=allow_missing_checksum, max_line=max_line, max_fields=max_fields
    )
    return read(lines, first_ordinal)


def read_lines_in_python(
    lines: Sequence[bytes],
    first_ordinal: int,
    *,
    allow_missing_checksum: bool = False,
    max_line: int = MAX_LINE,
    max_fields: int = MAX_FIELDS,
) -> list[Numbered]:
    """``read_lines`` without the compiled core."""
    if len(lines) >= WORTH_IT_LINES:
        return _read_many(lines, first_ordinal, allow_missing_checksum, max_line, max_fields)
    read: list[Numbered] = []
    add = read.append
    few = max_fields + _LEAST
    for ordinal, line in enumerate(lines, first_ordinal):
        typed = _TYPED(line[:7])
        if (
            typed is not None
            and len(line) <= SHORT_LINE
            and (len(line) <= few or line.count(b",") <= max_fields)
        ):
            body = line[1:-3]
            # As checksum(), written out for a short body: nearly every line comes along here.
            number = _INT(body)
            number ^= number >> 512
            number ^= number >> 256
            number ^= number >> 128
            number ^= number >> 64
            number ^= number >> 32
            end = ENDS[(number ^ number >> 16) & 0xFFFF]
            # Small hexadecimal digits are rare.
            if (line[-3:] == end or line[-3:].upper() == end) and _DOLLAR not in body:
                talker, parse = typed
                try:
                    add((line, parse(talker, body), ordinal))
                except ValueError:
                    add((line, BAD_FIELD_READING, ordinal))
                continue
        for raw, reading in _read_line(line, allow_missing_checksum, max_line, max_fields):
            add((raw, reading, ordinal))
    return read


def _read_many(
    lines: Sequence[bytes],
    ordinal: int,
    allow_missing_checksum: bool,
    max_line: int,
    max_fields: int,
) -> list[Numbered]:
    """``read_lines`` with all checksums verified in one go."""
    read: list[Numbered] = []
    add = read.append
    few = max_fields + _LEAST
    for line, holds in zip(lines, lines_that_hold(lines), strict=True):
        if holds and len(line) <= SHORT_LINE and (typed := _TYPED(line[:7])) is not None:
            body = line[1:-3]
            if _DOLLAR not in body and (len(line) <= few or line.count(b",") <= max_fields):
                talker, parse = typed
                try:
                    add((line, parse(talker, body), ordinal))
                except ValueError:
                    add((line, BAD_FIELD_READING, ordinal))
                ordinal += 1
                continue
        for raw, reading in _read_line(line, allow_missing_checksum, max_line, max_fields):
            add((raw, reading, ordinal))
        ordinal += 1
    return read


def read_line(
    line: bytes,
    *,
    allow_missing_checksum: bool = False,
    max_line: int = MAX_LINE,
    max_fields: int = MAX_FIELDS,
) -> list[Pair]:
    """``read_lines`` of one line, without its number."""
    read = read_lines(
        (line,),
        1,
        allow_missing_checksum=allow_missing_checksum,
        max_line=max_line,
        max_fields=max_fields,
    )
    return [(raw, reading) for raw, reading, _ in read]


def _read_line(
    line: bytes, allow_missing_checksum: bool, max_line: int, max_fields: int
) -> list[Pair]:
    if len(line) > max_line:
        cut = line[:max_line]
        good = [
            pair for pair in _read_pieces(cut, False, max_fields) if not isinstance(pair[1], Bad)
        ]
        return [*good, (cut, Bad(LINE_TOO_LONG))]
    return _read_pieces(line, allow_missing_checksum, max_fields)


def _read_pieces(line: bytes, allow_missing_checksum: bool, max_fields: int) -> list[Pair]:
    line = line.strip(PADDING) or line
    if imei := identity.IMEI_LINE.fullmatch(line):
        return [(line, _imei(line, imei[1], imei[2]))]
    prefix = identity.PREFIX.match(line)
    if prefix is None:
        return _read_rest(line, allow_missing_checksum, max_fields)
    (raw, reading), *others = _read_rest(line[prefix.end() :], allow_missing_checksum, max_fields)
    if isinstance(reading, Bad):
        return [(prefix[0] + raw, reading), *others]
    said = Identification(prefix[1].decode("ascii"), "prefix")
    return [(b"", said), (raw, reading), *others]


def _imei(line: bytes, value: bytes, sent: bytes | None) -> Reading:
    body = line.removeprefix(b"$").partition(b"*")[0]
    if sent is not None and HEX_BYTES[sent] != checksum(body):
        return Bad(CHECKSUM_WRONG)
    try:
        return identity.parse("imei", [value])
    except ValueError:
        return BAD_FIELD_READING


def _read_rest(line: bytes, allow_missing_checksum: bool, max_fields: int) -> list[Pair]:
    found = pieces(line)
    alone = len([piece for piece in found if piece.shape is not Shape.TAG]) == 1
    pairs: list[Pair] = []
    for place, piece in enumerate(found):
        if piece.shape is not Shape.TAG:
            pairs.append((piece.raw, _read_piece(piece, alone, allow_missing_checksum, max_fields)))
        elif (block := tag_block.parse(piece.raw)) is None:
            pairs.append((piece.raw, Bad(TAG_CHECKSUM_WRONG)))
        else:
            pairs.append((b"" if _sentence_follows(found, place) else piece.raw, block))
    return pairs


def _sentence_follows(found: list[Piece], place: int) -> bool:
    following = next((piece for piece in found[place:] if piece.shape is not Shape.TAG), None)
    return following is not None and following.shape in _SENTENCES


def _read_piece(
    piece: Piece, alone: bool, allow_missing_checksum: bool, max_fields: int
) -> Reading:
    raw = piece.raw
    if piece.shape is Shape.SENTENCE:
        return read_sentence(raw[:1], raw[1:-3], checked=True, max_fields=max_fields)
    if piece.shape is Shape.OPEN:
        body = raw[1:]
        if alone and (allow_missing_checksum or body.partition(b",")[0] in identity.ADDRESSES):
            return read_sentence(raw[:1], body, checked=False, max_fields=max_fields)
        return Bad(CHECKSUM_MISSING)
    if piece.shape is Shape.WRONG:
        return Bad(CHECKSUM_WRONG)
    return Bad(MALFORMED if raw[:1] in (b"$", b"!") and raw.isascii() else NOT_NMEA)
