"""Sentences that the server sends to terminals."""

from __future__ import annotations

from services.nmea.checksum import ENDS, checksum


def accepted() -> bytes:
    """`$PDPR,OK*hh`: the login holds."""
    return _sentence(b"PDPR,OK")


def refused(reason: str) -> bytes:
    """`$PDPR,NO,<reason>*hh`: the login does not hold; the server closes."""
    return _sentence(b"PDPR,NO," + reason.encode("ascii"))


def acknowledged(lines: int) -> bytes:
    """`$PDPR,ACK,<n>*hh`: the connection's first ``lines`` lines are durable."""
    return _sentence(b"PDPR,ACK,%d" % lines)


def _sentence(body: bytes) -> bytes:
    return b"$%b%b\r\n" % (body, ENDS[checksum(body)])
