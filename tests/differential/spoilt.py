"""Sentences with a right checksum whose fields are spelt as no receiver should spell them."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.differential.generated import BODIES, KINDS
from tests.unit.nmea.framed import framed

ODD_FIELDS = (
    "", " ", "0", "-0", "-0.0", "+1", "1.", ".5", ".", "-", "-.", "1..2", "1.2.3", "1e5", "1E5",
    "1e400", "1_0", " 1", "1 ", "\t1", "inf", "-inf", "nan", "NaN", "infinity", "0x10",
    "00000001", "1" * 19, "9" * 20, "0" * 25, "9007199254740992", "9007199254740993",
    "9007199254740993.0", "0.1234567890123456789", "4.35", "123456789.123456789", "2.5e-3",
    "1,2", "A", "D", "V", "a", "v", "M", "m", "N", "S", "W", "E", "n", "AA", "Q", "000000",
    "235959", "235960", "235961", "240000", "236000", "120000.", "120000.1234567", "120000.x",
    "12000", "290224", "290223", "310424", "000124", "010024", "011324", "311299", "010180",
    "311279", "0101", "01012024", "4807.038", "9000.0", "9000.1", "9001", "8960.0",
    "8959.9999999999", "18000.0", "18000.00001", "17959.9", "-4807.038", "-00123.4", "0.0",
    "360", "360.0", "360.1", "100000", "100000.1", "185200", "185200.1", "-100000", "-100001",
    "1000000000", "1000000001", "$", "1$",
    "100000000", "100000001", "10000", "-10000", "10001", "10000000", "10000001", "01", "001",
    "0001", "999", "1000", "09", "9", "08", "3", "4", "5", "6", "7", "65", "64", "193", "201",
    "1980", "1979", "80", "2024", "24", "é", "１", "٣", "\x00", "1\x00", "*", "!", "\\", "*41",
    "\x7f",
)  # fmt: skip
"""Spellings that Python takes and receivers don't send, bounds, and nonsense."""

NUMBERS = st.builds(
    lambda sign, whole, point, rest: sign + whole + point + rest,
    st.sampled_from(["", "", "", "-", "+"]),
    st.text("0123456789", max_size=18),
    st.sampled_from([".", ".", ".", ""]),
    st.text("0123456789", max_size=18),
)
ODD = st.one_of(st.sampled_from(ODD_FIELDS), NUMBERS, st.text(max_size=3)).map(
    lambda text: text.replace("\r", "").replace("\n", "").encode()
)
FIELDS = BODIES.map(lambda body: body.split(b","))


@st.composite
def spoilt_bodies(draw: st.DrawFn) -> bytes:
    """A body with one to three fields replaced, added, left out or taken twice."""
    fields = draw(FIELDS)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(1, max(1, len(fields) - 1)))
        match draw(st.sampled_from(["replace", "replace", "replace", "add", "drop", "cut"])):
            case "replace":
                fields[place : place + 1] = [draw(ODD)]
            case "add":
                fields.insert(place, draw(ODD))
            case "drop":
                del fields[place : place + 1]
            case _:
                del fields[place:]
    return b",".join(fields)


@st.composite
def broken_lines(draw: st.DrawFn) -> bytes:
    """A line with bytes flipped, cut off or put in; its checksum may hold nevertheless."""
    line = bytearray(framed(draw(BODIES)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(line) - 1))
        match draw(st.sampled_from(["flip", "flip", "put", "cut", "small", "again"])):
            case "flip":
                line[place] ^= draw(st.integers(1, 255))
            case "put":
                line[place:place] = draw(st.binary(min_size=1, max_size=4))
            case "cut" if place:
                del line[place:]
            case "small":
                line[-2:] = line[-2:].lower()
            case _:
                line = bytearray(framed(bytes(line[1:-3])))
    return bytes(line)


ADDRESSES = st.builds(
    lambda talker, kind: talker + kind,
    st.text("ABGLNPQZ019a", min_size=1, max_size=3),
    st.one_of(st.sampled_from(sorted(KINDS)), st.text("RMCGSAV", max_size=4)),
)
STRANGE_ADDRESSES = st.builds(
    lambda address, fields: b",".join([address.encode(), *fields[1:]]), ADDRESSES, FIELDS
)
LINES = st.one_of(
    BODIES.map(framed),
    spoilt_bodies().map(framed),
    spoilt_bodies().map(framed),
    STRANGE_ADDRESSES.map(framed),
    broken_lines(),
    st.binary(max_size=140),
)
"""Good, spoilt and broken lines and no lines at all."""
