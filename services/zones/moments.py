"""RFC 3339 times to microseconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.A)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(text: str) -> int:
    """Microseconds since 1970-01-01T00:00:00Z of a time such as ``2026-01-31T08:00:00+08:00``.

    Raises ValueError for any other form, a date that does not exist, or a missing UTC offset.
    """
    if not _RFC_3339.fullmatch(text):
        raise ValueError(f"{text!r} is no RFC 3339 time such as 2026-01-31T08:00:00Z")
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise ValueError(f"{text!r} is no time: {error}") from error
    return (moment - _EPOCH) // timedelta(microseconds=1)
