"""Lines that terminals send, for the tests of ingest."""

from __future__ import annotations

from services.nmea.checksum import checksum


def sentence(body: str) -> bytes:
    """`$<body>*hh` with its line end."""
    raw = body.encode("ascii")
    return b"$%b*%02X\r\n" % (raw, checksum(raw))


def tagged(source: str, line: bytes) -> bytes:
    """The line with a TAG block that names its source before it."""
    block = b"s:" + source.encode("ascii")
    return b"\\%b*%02X\\%b" % (block, checksum(block), line)


def rmc(second: int) -> bytes:
    """RMC of a second of a June day, in Wenzhou."""
    return sentence(f"GNRMC,1200{second:02}.00,A,2800.0000,N,12040.0000,E,12.5,187.0,170625,,,A")


def gga(second: int) -> bytes:
    """GGA of the same second."""
    return sentence(f"GNGGA,1200{second:02}.00,2800.0000,N,12040.0000,E,1,12,0.8,15.0,M,5.1,M,,")


def epoch(second: int) -> bytes:
    """One second of a receiver that sends RMC and GGA."""
    return rmc(second) + gga(second)


def stream(seconds: int) -> bytes:
    """So many seconds of such a receiver."""
    return b"".join(map(epoch, range(seconds)))


AIS = b"!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0*24\r\n"
TEXT = sentence("GNTXT,01,01,02,ANTENNA OK")
ACK_ON = sentence("PDPR,ACK,ON")


def login(terminal: str, token: str = "secret") -> bytes:
    """A login sentence."""
    return sentence(f"PDPR,LOGIN,{terminal},{token}")
