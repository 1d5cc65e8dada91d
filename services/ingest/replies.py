"""Sentences that the server sends to terminals."""

from __future__ import annotations

from services.nmea.checksum import ENDS, checksum

_ACK = b"PDPR,ACK,"
_ACK_SUM = checksum(_ACK)


def accepted() -> bytes:
    """`$PDPR,OK*hh`: the login holds."""
    return _sentence(b"PDPR,OK")


def refused(reason: str) -> bytes:
    """`$PDPR,NO,<reason>*hh`: the login does not hold; the server closes."""
    return _sentence(b"PDPR,NO," + reason.encode("ascii"))


def acknowledged(lines: int) -> bytes:
    """`$PDPR,ACK,<n>*hh`: the connection's first ``lines`` lines are durable."""
    digits = b"%d" % lines
    # As _sentence(), a third of its time: every round brings one for each terminal that sends.
    folded = int.from_bytes(digits)
    folded ^= folded >> 128
    folded ^= folded >> 64
    folded ^= folded >> 32
    folded ^= folded >> 16
    return b"$%b%b%b\r\n" % (_ACK, digits, ENDS[(folded & 0xFFFF) ^ _ACK_SUM])


def _sentence(body: bytes) -> bytes:
    return b"$%b*%02X\r\n" % (body, checksum(body))
