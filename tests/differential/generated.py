"""Sentences that any receiver might send, of all typed kinds, as strategies of field lists.

Only what pynmeagps can read rightly is made here; where it can't, see test_differential.
"""

from __future__ import annotations

from datetime import date
from itertools import chain

from hypothesis import strategies as st

Fields = list[str]

TALKERS = st.sampled_from(["BD", "GB", "GN", "GP", "GL", "GA", "GQ", "PQ"])
EMPTY = st.just("")


def decimals(lowest: int, highest: int, most: int = 3) -> st.SearchStrategy[str]:
    """Decimal numbers as receivers write them, also with leading zeros."""
    return st.builds(
        lambda whole, width, places, rest: (
            f"{whole:0{width}d}" + (f".{rest % 10**places:0{places}d}" if places else "")
        ),
        st.integers(lowest, highest - 1),
        st.integers(1, 4),
        st.integers(0, most),
        st.integers(0, 10**most),
    )


def or_empty(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A field that may be empty."""
    return st.one_of(EMPTY, values)


def letters(some: str) -> st.SearchStrategy[str]:
    """One of some letters, or an empty field."""
    return or_empty(st.sampled_from(some))


def clock(hour: int, minute: int, second: int, fraction: str) -> str:
    """A time of day; without a fraction there is no dot."""
    return f"{hour:02d}{minute:02d}{second:02d}" + (f".{fraction}" if fraction else "")


TIMES = or_empty(
    st.builds(
        clock,
        st.integers(0, 23),
        st.integers(0, 59),
        st.integers(0, 59),
        st.text("0123456789", max_size=6),
    )
)
DAYS = st.dates(date(1980, 1, 1), date(2068, 12, 31))
DATES = or_empty(DAYS.map("{:%d%m%y}".format))


def angle(width: int, degrees: int, minutes: int, places: int) -> str:
    """Degrees and minutes with 1 to 9 decimals; ``minutes`` in billionths."""
    rest = f"{minutes % 10**9:09d}"[:places]
    return f"{degrees:0{width}d}{minutes // 10**9:02d}.{rest}"


def angles(width: int, highest: int) -> st.SearchStrategy[str]:
    """Angles from 0 to the highest, both included."""
    below = st.builds(
        angle,
        st.just(width),
        st.integers(0, highest - 1),
        st.integers(0, 60 * 10**9 - 1),
        st.integers(1, 9),
    )
    return st.one_of(below, st.sampled_from([angle(width, n, 0, 4) for n in (0, highest)]))


POSITIONS = st.one_of(
    st.just(["", "", "", ""]),
    st.just(["", "N", "", "E"]),
    st.tuples(angles(2, 90), st.sampled_from("NS"), angles(3, 180), st.sampled_from("EW")).map(
        list
    ),
)
COURSES = or_empty(st.one_of(decimals(0, 360), st.just("360.0")))
SPEEDS = or_empty(decimals(0, 1000))
DILUTIONS = or_empty(decimals(0, 100))
COUNTS = or_empty(st.integers(0, 99).map(lambda number: f"{number:02d}"))
ALTITUDES = or_empty(decimals(-500, 9000))
AGES = or_empty(decimals(0, 600, 1))
MODES = letters("ADEFMNPRS")
IDS = st.one_of(EMPTY, st.integers(1, 64).map("{:02d}".format), st.integers(65, 437).map(str))


def joined(*parts: st.SearchStrategy[str] | st.SearchStrategy[Fields]) -> st.SearchStrategy[Fields]:
    """Fields in a row, some of them several at once."""
    return st.tuples(*parts).map(
        lambda drawn: [
            field for part in drawn for field in ([part] if isinstance(part, str) else part)
        ]
    )


def tail(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[Fields]:
    """Fields at the end that older receivers leave out."""
    whole = st.tuples(*parts).map(list)
    return st.tuples(whole, st.integers(0, len(parts))).map(lambda drawn: drawn[0][: drawn[1]])


def satellites(number: int) -> st.SearchStrategy[Fields]:
    """Groups of four fields."""
    one = st.tuples(IDS.filter(bool), COUNTS, COUNTS, COUNTS).map(list)
    return st.lists(one, min_size=number, max_size=number).map(
        lambda rows: list(chain.from_iterable(rows))
    )


KINDS: dict[str, st.SearchStrategy[Fields]] = {
    "RMC": joined(
        TIMES, st.sampled_from("AV"), POSITIONS, SPEEDS, COURSES, DATES,
        tail(COURSES, letters("EW"), MODES, letters("SCUV")),
    ),
    "GGA": joined(
        TIMES, POSITIONS, letters("0123456789"), COUNTS, DILUTIONS, ALTITUDES,
        tail(letters("M"), ALTITUDES, letters("M"), AGES, COUNTS),
    ),
    "GNS": joined(
        TIMES, POSITIONS, st.text("ADEFMNPRS", max_size=6), COUNTS, DILUTIONS, ALTITUDES,
        ALTITUDES, tail(AGES, COUNTS, letters("SCUV")),
    ),
    "GLL": joined(POSITIONS, TIMES, letters("AV"), tail(MODES)),
    "VTG": joined(
        COURSES, letters("T"), COURSES, letters("M"), SPEEDS, letters("N"), SPEEDS, letters("K"),
        tail(MODES),
    ),
    "ZDA": joined(
        TIMES,
        st.one_of(
            st.just(["", "", ""]),
            DAYS.map(lambda day: [f"{day:%d}", f"{day:%m}", f"{day:%Y}"]),
        ),
        tail(letters("0"), letters("0")),
    ),
    "GSA": joined(
        letters("AM"), letters("123"), st.lists(IDS, min_size=12, max_size=12),
        DILUTIONS, DILUTIONS, DILUTIONS, tail(letters("123456")),
    ),
    "GSV": joined(
        st.integers(1, 9).map(str), st.integers(1, 9).map(str), COUNTS,
        st.integers(0, 4).flatmap(satellites), tail(letters("123456789ABC")),
    ),
    "GST": joined(TIMES, *[or_empty(decimals(0, 1000))] * 7),
    "HDT": joined(COURSES, letters("T")),
    "THS": joined(COURSES, letters("AEMSV")),
}  # fmt: skip

BODIES = st.one_of(
    [
        st.builds(lambda talker, fields, kind=kind: [talker + kind, *fields], TALKERS, fields)
        for kind, fields in KINDS.items()
    ]
).map(lambda fields: ",".join(fields).encode("ascii"))
"""The bytes between ``$`` and ``*`` of any typed sentence."""
