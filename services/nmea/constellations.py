"""Which constellation a sentence about satellites speaks of."""

from __future__ import annotations

from collections.abc import Sequence

UNKNOWN = "gnss"
"""No constellation, or several."""

BY_TALKER: dict[str, str] = {
    "GP": "gps",
    "GL": "glonass",
    "GA": "galileo",
    "GB": "beidou",
    "BD": "beidou",
    "GQ": "qzss",
    "QZ": "qzss",
    # Quectel's EC2x modules speak of BeiDou as PQ.
    "PQ": "beidou",
    "GI": "navic",
}

QZSS_IDS = 10
"""QZSS's highest satellite id where each constellation counts from 1."""

BY_SYSTEM: dict[bytes, str] = {
    b"1": "gps",
    b"2": "glonass",
    b"3": "galileo",
    b"4": "beidou",
    b"5": "qzss",
    b"6": "navic",
}
"""System ids of NMEA 4.11."""

_RANGES = (
    (1, 32, "gps"),
    (33, 64, "sbas"),
    (65, 99, "glonass"),
    (120, 158, "sbas"),
    (193, 200, "qzss"),
    (201, 264, "beidou"),
    (301, 336, "galileo"),
    (401, 464, "beidou"),
)
"""Ids where one numbering spans all constellations: NMEA's own up to 99, then receivers' habit."""

_BY_ID: dict[int, str] = {
    number: name for low, high, name in _RANGES for number in range(low, high + 1)
}


def constellation(talker: str, satellites: Sequence[int]) -> str:
    """By the talker; for a talker that names none, or GP with none of its own, by the ids.

    GP and GN talkers number all constellations in one row (65 and up is GLONASS); the others
    count from 1.
    """
    named = BY_TALKER.get(talker)
    if named is not None and (talker != "GP" or not satellites or min(satellites) < 65):
        return named
    names = {_BY_ID.get(number, UNKNOWN) for number in satellites}
    if len(names) == 1:
        return names.pop()
    if names == {"gps", "sbas"}:
        return "gps"
    return named or UNKNOWN
