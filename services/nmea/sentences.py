"""A sentence whose frame is known to be sound: by its address to its parser."""

from __future__ import annotations

import re
from collections.abc import Callable
from string import ascii_uppercase, digits

from services.nmea import gga, gll, gns, gsa, gst, gsv, heading, identity, rmc, vtg, zda
from services.nmea.readings import Bad, Control, Other, Reading, Typed
from services.nmea.reasons import BAD_FIELD, CHECKSUM_MISSING, MALFORMED, TOO_MANY_FIELDS

MAX_FIELDS = 64
"""Besides the address."""
ADDRESS = re.compile(rb"[A-Z][A-Z0-9]{3,23}")

Parser = Callable[[str, bytes], Typed]

PARSERS: dict[bytes, Parser] = {
    b"RMC": rmc.parse,
    b"GGA": gga.parse,
    b"GNS": gns.parse,
    b"GLL": gll.parse,
    b"VTG": vtg.parse,
    b"ZDA": zda.parse,
    b"GSA": gsa.parse,
    b"GSV": gsv.parse,
    b"GST": gst.parse,
    b"HDT": heading.parse_hdt,
    b"THS": heading.parse_ths,
}

# P marks proprietary sentences ($PGRMC is Garmin's own); PQ is what Quectel sends as a talker.
TYPED: dict[bytes, tuple[str, Parser]] = {
    b"$%b%b," % ((first + second).encode("ascii"), sentence): (first + second, parse)
    for first in ascii_uppercase
    for second in ascii_uppercase + digits
    if first != "P" or second == "Q"
    for sentence, parse in PARSERS.items()
}
"""How every typed sentence of any talker begins, to its talker and parser."""

BAD_FIELD_READING = Bad(BAD_FIELD)


def read_sentence(
    start: bytes, body: bytes, *, checked: bool, max_fields: int = MAX_FIELDS
) -> Reading:
    """The reading of a sentence from its start mark and what follows, up to the checksum.

    ``checked`` says whether it had a checksum, which then was right.
    """
    address, *fields = body.split(b",")
    proprietary = address[:1] == b"P"
    if ADDRESS.fullmatch(address) is None or not (proprietary or len(address) >= 5):
        return Bad(MALFORMED)
    if len(fields) > max_fields:
        return Bad(TOO_MANY_FIELDS)
    try:
        if start == b"$" and address in identity.ADDRESSES:
            return identity.parse(identity.ADDRESSES[address], fields)
        if (typed := TYPED.get(start + address + b",")) is not None:
            talker, parse = typed
            return parse(talker, body)
    except ValueError:
        return BAD_FIELD_READING
    if address == b"PDPR":
        return _control(fields) if checked else Bad(CHECKSUM_MISSING)
    text = address.decode("ascii")
    split = 1 if proprietary else 2
    return Other(text[:split], text[split:], fields)


def _control(fields: list[bytes]) -> Reading:
    if not fields or not all(field.isascii() for field in fields):
        return Bad(MALFORMED)
    command, *arguments = [field.decode("ascii") for field in fields]
    return Control(command, tuple(arguments))
