"""ZDA: UTC time and date (NMEA 0183, IEC 61162-1).

    $--ZDA,hhmmss.ss,day,month,year,zone hours,zone minutes*hh
           1         2   3     4    5          6

The local zone says nothing about UTC and is not read. Some plotters send two digits of the year.
"""

from __future__ import annotations

from typing import NamedTuple

from services.nmea.fields import TIME_OF_DAY_US, FieldError, days, full_year

FIRST_YEAR = 1980
"""GPS time begins; receivers without a date send earlier ones."""


class ZDA(NamedTuple):
    """Time and date, without a position."""

    talker: str
    time_of_day_us: int | None
    """Microseconds since midnight UTC."""
    date_days: int | None
    """Days since 1970-01-01; None unless day, month and year are all there."""


def parse(talker: str, body: bytes) -> ZDA:
    """The sentence from what stands between ``$`` and ``*``. Raises ValueError."""
    fields = body.split(b",")
    if not 5 <= len(fields) <= 9:
        raise FieldError(f"ZDA: {len(fields) - 1} fields")
    day, month, year = fields[2:5]
    date_days = None
    if day and month and year:
        if not (day + month + year).isdigit() or len(year) not in (2, 4):
            raise FieldError(f"ZDA: date {day!r} {month!r} {year!r}")
        full = full_year(int(year)) if len(year) == 2 else int(year)
        if full < FIRST_YEAR:
            raise FieldError(f"ZDA: year {year!r}")
        date_days = days(full, int(month), int(day))
    return ZDA(talker, TIME_OF_DAY_US[fields[1]], date_days)
