"""What a port may be sent: by a grammar of good lines, and by what happens to lines."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from services.nmea.checksum import checksum

NEIGHBOUR = "SHIP-9"
"""Never among the names that are made up here."""
ENDS = (b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n")
LONGEST = 20_000
MARKS = b"$!\\*,\r\n\x00\xb5b"

Make = Callable[[random.Random], bytes]


def framed(body: bytes, mark: bytes = b"$") -> bytes:
    """A sentence with its checksum."""
    return b"%b%b*%02X" % (mark, body, checksum(body))


def name(chance: random.Random) -> bytes:
    """A terminal's name."""
    return b"BUS-%d" % chance.randrange(100)


def _place(chance: random.Random) -> bytes:
    north, east = chance.choice(b"NS"), chance.choice(b"EW")
    return b"%02d%07.4f,%c,%03d%07.4f,%c" % (
        chance.randrange(90),
        chance.random() * 60,
        north,
        chance.randrange(180),
        chance.random() * 60,
        east,
    )


def _time(chance: random.Random) -> bytes:
    return b"%06d.00" % (chance.randrange(24) * 10_000 + chance.randrange(60) * 100)


def _rmc(chance: random.Random) -> bytes:
    return framed(
        b"%b,%b,A,%b,%.1f,%.1f,170625,,,A"
        % (
            chance.choice((b"GNRMC", b"BDRMC", b"GBRMC", b"GPRMC")),
            _time(chance),
            _place(chance),
            chance.random() * 60,
            chance.random() * 360,
        )
    )


def _gga(chance: random.Random) -> bytes:
    return framed(b"GNGGA,%b,%b,1,12,0.8,15.0,M,5.1,M,," % (_time(chance), _place(chance)))


def _satellites(chance: random.Random) -> bytes:
    numbers = b",".join(b"%02d,40,083,46" % chance.randrange(100) for _ in range(4))
    return framed(b"GBGSV,%d,%d,14,%b,1" % (4, chance.randint(1, 4), numbers))


def _identity(chance: random.Random) -> bytes:
    who = name(chance)
    return chance.choice(
        (
            framed(b"PGID," + who),
            b"$GPFID," + who,
            b"IMEI %015d" % chance.randrange(10**15),
            b"%012d" % chance.randrange(10**12) + _rmc(chance),
            b"\\" + framed(b"s:" + who, b"") + b"\\" + _gga(chance),
        )
    )


def _other(chance: random.Random) -> bytes:
    return chance.choice(
        (
            framed(b"GNTXT,01,01,02,ANTENNA OK"),
            framed(b"GNVTG,1.0,T,,M,2.0,N,3.7,K,A"),
            framed(b"GNZDA,120000.00,17,06,2025,00,00"),
            framed(b"GNGSA,A,3,01,02,03,,,,,,,,,,1.0,0.8,0.6,4"),
            framed(b"PDPR,%b" % chance.choice((b"ACK,ON", b"ACK", b"NO,NO", b"X,%n"))),
            b"!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0*24",
        )
    )


GOOD: Sequence[Make] = (_rmc, _gga, _rmc, _gga, _satellites, _other, _identity)


def good(chance: random.Random) -> bytes:
    """A line as terminals send it."""
    return chance.choice(GOOD)(chance)


def mutated(chance: random.Random) -> bytes:
    """A good line to which something happened."""
    line = bytearray(good(chance))
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(line))
        what = chance.randrange(4)
        if what == 0:
            line[place] = chance.randrange(256)
        elif what == 1:
            line.insert(place, chance.choice(MARKS))
        elif what == 2 and len(line) > 2:
            del line[place]
        else:
            other = good(chance)
            line[place:place] = other[: chance.randrange(len(other))]
    return bytes(line)


def glued(chance: random.Random) -> bytes:
    """Several lines without an end between them."""
    return b"".join(chance.choice((good, mutated))(chance) for _ in range(chance.randint(2, 5)))


def binary(chance: random.Random) -> bytes:
    """Noise, which may hold ends of lines and start marks."""
    return chance.randbytes(chance.randint(1, 300))


def huge(chance: random.Random) -> bytes:
    """Far more than a line may have, of few kinds of bytes."""
    unit = chance.choice((b"A", b"$", b"!", b"\\s:", b"*00", b",", b"!*00", b"\x00", b"$GPRMC,"))
    return (unit * LONGEST)[: chance.randint(500, LONGEST)]


def many_fields(chance: random.Random) -> bytes:
    """Around the limit of fields, with a checksum that holds."""
    address = chance.choice((b"GNTXT", b"GNRMC", b"GBGSV", b"PFOO"))
    return framed(address + b",1" * chance.randint(60, 400))


def line(chance: random.Random) -> bytes:
    """Any of them, with its end."""
    make = chance.choices((good, mutated, glued, binary, many_fields, huge), (60, 20, 6, 8, 4, 1))[
        0
    ]
    return make(chance) + chance.choice(ENDS)
