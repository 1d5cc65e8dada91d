"""Writing NMEA 0183 sentences: what the simulator, replay and the tests send."""

from __future__ import annotations


def checksum(body: bytes) -> int:
    """XOR of all bytes between ``$`` and ``*`` (IEC 61162-1, 7.2.5)."""
    folded = int.from_bytes(body, "big")
    size = 1
    while size < len(body):
        size *= 2
    while size > 1:
        size //= 2
        folded = (folded >> (8 * size)) ^ (folded & ((1 << (8 * size)) - 1))
    return folded


def sentence(body: bytes) -> bytes:
    """The whole line of a body such as ``b"GNRMC,…"``: dollar sign, checksum and CR LF added."""
    return b"$%b*%02X\r\n" % (body, checksum(body))


def checksum_holds(line: bytes) -> bool:
    """Whether ``$body*hh`` carries the right checksum, or none at all."""
    body, star, given = line.lstrip(b"$").partition(b"*")
    if not star:
        return True
    try:
        return checksum(body) == int(given[:2], 16)
    except ValueError:
        return False
