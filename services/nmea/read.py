"""One physical line to what it says: the fast path for clean frequent sentences, and the rest."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_uppercase, digits
from typing import NamedTuple

from services.nmea import gga, gll, gns, gsa, gst, gsv, heading, identity, rmc, tag_block, vtg, zda
from services.nmea.checksum import HEX_BYTES, SHORT_LINE, WHOLE_LINE, checksum
from services.nmea.framing import MAX_LINE
from services.nmea.gga import GGA
from services.nmea.gll import GLL
from services.nmea.gns import GNS
from services.nmea.gsa import GSA
from services.nmea.gst import GST
from services.nmea.gsv import GSV, MAX_FIELDS
from services.nmea.heading import HDT, THS
from services.nmea.identity import Identification
from services.nmea.pieces import ADDRESS, PADDING, Piece, Shape, pieces
from services.nmea.reasons import (
    BAD_FIELD,
    CHECKSUM_MISSING,
    CHECKSUM_WRONG,
    LINE_TOO_LONG,
    MALFORMED,
    NOT_NMEA,
    TAG_CHECKSUM_WRONG,
)
from services.nmea.rmc import RMC
from services.nmea.tag_block import TagBlock
from services.nmea.vtg import VTG
from services.nmea.zda import ZDA

__all__ = ["MAX_LINE", "Bad", "Control", "Other", "Pair", "Reading", "Typed", "read_line"]


class Other(NamedTuple):
    """A sentence with a valid checksum that has no fast path."""

    talker: str
    """``P`` for proprietary sentences."""
    sentence: str
    fields: list[bytes]


class Control(NamedTuple):
    """A sentence of Dipper's own, ``$PDPR,<command>,…``, with a valid checksum."""

    command: str
    arguments: tuple[str, ...]


class Bad(NamedTuple):
    """Nothing that can be used; ``reason`` is one of ``reasons.REASONS``."""

    reason: str


Typed = RMC | GGA | GNS | GLL | VTG | ZDA | GSA | GSV | GST | HDT | THS
Reading = Typed | Other | Control | Identification | TagBlock | Bad
Pair = tuple[bytes, Reading]

_PARSERS: dict[bytes, Callable[[str, list[bytes]], Typed]] = {
    b"RMC,": rmc.parse,
    b"GGA,": gga.parse,
    b"GNS,": gns.parse,
    b"GLL,": gll.parse,
    b"VTG,": vtg.parse,
    b"ZDA,": zda.parse,
    b"GSA,": gsa.parse,
    b"GSV,": gsv.parse,
    b"GST,": gst.parse,
    b"HDT,": heading.parse_hdt,
    b"THS,": heading.parse_ths,
}

# P marks proprietary sentences ($PGRMC is Garmin's own); PQ is what Quectel sends as a talker.
_TALKERS: dict[bytes, str] = {
    (first + second).encode("ascii"): first + second
    for first in ascii_uppercase
    for second in ascii_uppercase + digits
    if first != "P" or second == "Q"
}

_HEADS: dict[bytes, tuple[str, Callable[[str, list[bytes]], Typed]]] = {
    b"$" + talker.encode("ascii") + sentence: (talker, parse)
    for talker in ("BD", "GA", "GB", "GI", "GL", "GN", "GP", "GQ", "PQ", "QZ", "II", "IN", "HE")
    for sentence, parse in _PARSERS.items()
}
"""Beginnings of the sentences that take the fast path; other talkers take the long way."""

_INT = int.from_bytes
_DOLLAR = ord("$")
_SENTENCES = (Shape.SENTENCE, Shape.WRONG, Shape.OPEN)
_BAD_FIELD = Bad(BAD_FIELD)


def read_line(
    line: bytes, *, allow_missing_checksum: bool = False, max_line: int = MAX_LINE
) -> list[Pair]:
    """What a physical line says, piece by piece in order: nearly always one pair.

    Each pair is a piece's bytes and its reading; a TAG block or an identity before a sentence
    on the same line comes with ``b""``, since it is no line of its own. ``allow_missing_checksum``
    accepts a sentence without one if nothing else stands on the line. A line over ``max_line``
    bytes gives the sentences in it whose checksum holds, then Bad ``line_too_long``.
    """
    head = _HEADS.get(line[:7])
    if head is not None and len(line) <= SHORT_LINE:
        # As checksum(), written out for a short line with its start and end included: this
        # runs for every line.
        number = _INT(line, "little")
        number ^= number >> 512
        number ^= number >> 256
        number ^= number >> 128
        number ^= number >> 64
        number ^= number >> 32
        number ^= number >> 16
        body = line[7:-3]
        if (number ^ number >> 8) & 0xFF == WHOLE_LINE.get(line[-3:]) and _DOLLAR not in body:
            talker, parse = head
            try:
                return [(line, parse(talker, body.split(b",")))]
            except ValueError:
                return [(line, _BAD_FIELD)]
    if len(line) > max_line:
        cut = line[:max_line]
        good = [pair for pair in _read_pieces(cut, False) if not isinstance(pair[1], Bad)]
        return [*good, (cut, Bad(LINE_TOO_LONG))]
    return _read_pieces(line, allow_missing_checksum)


def _read_pieces(line: bytes, allow_missing_checksum: bool) -> list[Pair]:
    line = line.strip(PADDING) or line
    if imei := identity.IMEI_LINE.fullmatch(line):
        return [(line, _imei(line, imei[1], imei[2]))]
    prefix = identity.PREFIX.match(line)
    if prefix is None:
        return _read_rest(line, allow_missing_checksum)
    (raw, reading), *others = _read_rest(line[prefix.end() :], allow_missing_checksum)
    if isinstance(reading, Bad):
        return [(prefix[0] + raw, reading), *others]
    said = Identification(prefix[1].decode("ascii"), "prefix")
    return [(b"", said), (raw, reading), *others]


def _imei(line: bytes, value: bytes, sent: bytes | None) -> Reading:
    if sent is not None and HEX_BYTES[sent] != checksum(line[line[:1] == b"$" : line.index(b"*")]):
        return Bad(CHECKSUM_WRONG)
    try:
        return identity.parse("imei", [value])
    except ValueError:
        return _BAD_FIELD


def _read_rest(line: bytes, allow_missing_checksum: bool) -> list[Pair]:
    found = pieces(line)
    alone = len([piece for piece in found if piece.shape is not Shape.TAG]) == 1
    pairs: list[Pair] = []
    for place, piece in enumerate(found):
        if piece.shape is not Shape.TAG:
            pairs.append((piece.raw, _read_piece(piece, alone, allow_missing_checksum)))
        elif (block := tag_block.parse(piece.raw)) is None:
            pairs.append((piece.raw, Bad(TAG_CHECKSUM_WRONG)))
        else:
            pairs.append((b"" if _sentence_follows(found, place) else piece.raw, block))
    return pairs


def _sentence_follows(found: list[Piece], place: int) -> bool:
    following = next((piece for piece in found[place:] if piece.shape is not Shape.TAG), None)
    return following is not None and following.shape in _SENTENCES


def _read_piece(piece: Piece, alone: bool, allow_missing_checksum: bool) -> Reading:
    raw = piece.raw
    if piece.shape is Shape.SENTENCE:
        return _read_sentence(raw[:1], raw[1:-3].split(b","), True)
    if piece.shape is Shape.OPEN:
        address = raw[1:].partition(b",")[0]
        if alone and (address in identity.ADDRESSES or allow_missing_checksum):
            return _read_sentence(raw[:1], raw[1:].split(b","), False)
        return Bad(CHECKSUM_MISSING)
    if piece.shape is Shape.WRONG:
        return Bad(CHECKSUM_WRONG)
    return Bad(MALFORMED if raw[:1] in (b"$", b"!") and raw.isascii() else NOT_NMEA)


def _read_sentence(start: bytes, parts: list[bytes], checked: bool) -> Reading:
    address, fields = parts[0], parts[1:]
    proprietary = address[:1] == b"P"
    well_formed = ADDRESS.match(start + address + b",") and (proprietary or len(address) >= 5)
    if not well_formed or len(fields) > MAX_FIELDS:
        return Bad(MALFORMED)
    try:
        if start == b"$" and (kind := identity.ADDRESSES.get(address)):
            return identity.parse(kind, fields)
        if address == b"PDPR":
            return _control(fields) if checked else Bad(CHECKSUM_MISSING)
        parse, talker = _PARSERS.get(address[2:] + b","), _TALKERS.get(address[:2])
        if start == b"$" and parse is not None and talker is not None:
            return parse(talker, fields)
    except ValueError:
        return _BAD_FIELD
    text = address.decode("ascii")
    return Other("P", text[1:], fields) if proprietary else Other(text[:2], text[2:], fields)


def _control(fields: list[bytes]) -> Reading:
    if not fields or not all(field.isascii() for field in fields):
        return Bad(MALFORMED)
    command, *arguments = [field.decode("ascii") for field in fields]
    return Control(command, tuple(arguments))
