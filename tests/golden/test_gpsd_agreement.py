"""Fixes agree with gpsd's own decoding of the same logs.

gpsd's test suite keeps the output of gpsd beside each log. ``expected_fixes.jsonl`` lists, per
log and UTC time, every position that gpsd reported. docs/decoding.md explains each
disagreement; there is none among the logs without a caution.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from services.model import Fix
from services.nmea.stream import Stream
from tests.golden.cases import CAPTURES

GPSD = CAPTURES / "gpsd"
MAX_TIME_DIFFERENCE_US = 1_000
MAX_DEGREES_DIFFERENCE = 2e-6
WANTED_SHARE = 0.99


class Expected(NamedTuple):
    """A position of gpsd's; any of the coordinates is right."""

    log: str
    time_us: int
    lats: tuple[float, ...]
    lons: tuple[float, ...]


def test_fixes_agree_with_gpsd() -> None:
    expected = [fix for fix in _expected() if fix.log in _logs_without_caution()]
    decoded = {log: _decode(log) for log in {fix.log for fix in expected}}

    missed = [fix for fix in expected if not any(_agree(fix, ours) for ours in decoded[fix.log])]

    assert len(expected) > 250
    assert len(expected) - len(missed) >= WANTED_SHARE * len(expected), missed


def test_every_disagreement_is_explained() -> None:
    decoded: dict[str, list[Fix]] = defaultdict(list)
    for log in {fix.log for fix in _expected()}:
        decoded[log] = _decode(log)

    missed = {fix.log for fix in _expected() if not any(_agree(fix, o) for o in decoded[fix.log])}

    assert missed == {"tcp-torture.log"}


def _expected() -> list[Expected]:
    lines = (GPSD / "expected_fixes.jsonl").read_text().splitlines()
    return [
        Expected(
            fix["log"],
            round(datetime.fromisoformat(fix["time"]).timestamp() * 1_000_000),
            tuple(fix["lat"]),
            tuple(fix["lon"]),
        )
        for fix in map(json.loads, lines)
    ]


def _logs_without_caution() -> set[str]:
    lines = (GPSD / "manifest.jsonl").read_text().splitlines()
    return {log["log"] for log in map(json.loads, lines) if log["caution"] is None}


def _decode(log: str) -> list[Fix]:
    """Without gpsd's own header lines and its marks for delays."""
    lines = (GPSD / log).read_bytes().splitlines(keepends=True)
    data = b"".join(line for line in lines if not line.startswith(b"#"))
    if log == "tcp-torture.log":
        data = data.replace(b"|", b"")
    stream = Stream("GPSD-1")
    return stream.feed(data, 0).fixes + stream.finish(0).fixes


def _agree(expected: Expected, fix: Fix) -> bool:
    if fix.time_us is None or fix.lat is None or fix.lon is None:
        return False
    return (
        abs(fix.time_us - expected.time_us) <= MAX_TIME_DIFFERENCE_US
        and any(abs(fix.lat - lat) <= MAX_DEGREES_DIFFERENCE for lat in expected.lats)
        and any(abs(fix.lon - lon) <= MAX_DEGREES_DIFFERENCE for lon in expected.lons)
    )
