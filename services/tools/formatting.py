"""How values are written for people and other programs."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

_DAY_US = 86_400_000_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def format_time(time_us: int) -> str:
    """RFC 3339 in UTC from microseconds since 1970: milliseconds, or microseconds if there are.

    >>> format_time(1_700_000_000_250_000)
    '2023-11-14T22:13:20.250Z'

    Raises ValueError or OverflowError outside of the years 1 to 9999.
    """
    day, rest = divmod(time_us, _DAY_US)
    seconds, fraction_us = divmod(rest, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    milliseconds, beyond = divmod(fraction_us, 1000)
    fraction = f"{fraction_us:06}" if beyond else f"{milliseconds:03}"
    return f"{_date(day)}T{hour:02}:{minute:02}:{second:02}.{fraction}Z"


@lru_cache(maxsize=64)
def _date(day: int) -> str:
    return date.fromordinal(_EPOCH_ORDINAL + day).isoformat()
