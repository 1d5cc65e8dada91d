"""Lines of a stream as bytes, with their checksums."""

from __future__ import annotations


def sentence(body: str) -> bytes:
    """A line with its checksum."""
    checksum = 0
    for byte in body.encode():
        checksum ^= byte
    return f"${body}*{checksum:02X}\r\n".encode()


RMC_5 = sentence("GNRMC,000005.000,A,2800.00000,N,12042.00000,E,0.5,120.9,041024,,,A")
GGA_5 = sentence("GNGGA,000005.000,2800.00000,N,12042.00000,E,1,13,1.7,63.6,M,48.3,M,,")
GGA_6 = sentence("GNGGA,000006.000,2800.00000,N,12042.00000,E,1,13,1.7,63.6,M,48.3,M,,")
NO_FIX_7 = sentence("GNRMC,000007.000,V,,,,,,,041024,,,N")
TXT = sentence("GPTXT,01,01,01,ANTENNA OK")
WRONG = b"$GNRMC,000005.000,A,2800.00000,N,12042.00000,E,0.5,120.9,041024,,,A*00\r\n"
BARE = b"$GNVTG,120.9,T,,M,0.5,N,0.8,K,A\r\n"
