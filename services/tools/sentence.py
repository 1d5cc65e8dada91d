"""Writing NMEA 0183 sentences: what the simulator, replay and the tests send."""

from __future__ import annotations

from services.nmea.checksum import HEX_BYTES, checksum


def sentence(body: bytes) -> bytes:
    """The whole line of a body such as ``b"GNRMC,…"``: dollar sign, checksum and CR LF added."""
    return b"$%b*%02X\r\n" % (body, checksum(body))


def checksum_holds(line: bytes) -> bool:
    """Whether ``$body*hh``, whatever follows, carries the right checksum, or none at all."""
    body, star, given = line.lstrip(b"$").partition(b"*")
    return not star or checksum(body) == HEX_BYTES.get(given[:2])
