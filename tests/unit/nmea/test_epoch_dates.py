"""The date of a fix: from RMC and ZDA only, kept, and carried over midnight."""

from __future__ import annotations

import pytest

from services.nmea.readings import Typed
from tests.unit.nmea.epoch_sentences import DAY, assemble, fixes, gga, gll, rmc, utc, zda

LATE = 86_399
"""The last second of a day."""


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        pytest.param([gga(5), rmc(5)], [utc(5)], id="date after GGA in the same epoch"),
        pytest.param([gga(5), zda(5)], [utc(5)], id="date from ZDA"),
        pytest.param(
            [rmc(5, valid=False, lat=None, lon=None)], [utc(5)], id="date from an RMC without a fix"
        ),
        pytest.param([gga(5), gll(6), rmc(7, day=None)], [None] * 3, id="no date at all"),
        pytest.param([gga(5), rmc(6), gga(7)], [None, utc(6), utc(7)], id="kept once known"),
        pytest.param(
            [rmc(LATE), gga(0), gga(1)],
            [utc(LATE), utc(0, DAY + 1), utc(1, DAY + 1)],
            id="midnight advances the kept date",
        ),
        pytest.param(
            [rmc(LATE), gga(0), rmc(0, day=DAY + 1), gga(1)],
            [utc(LATE), utc(0, DAY + 1), utc(1, DAY + 1)],
            id="midnight with the date in the new epoch",
        ),
        pytest.param(
            [rmc(LATE), rmc(0, day=DAY)],
            [utc(LATE), utc(0)],
            id="the epoch's own date has the last word",
        ),
        pytest.param(
            [rmc(1, day=DAY + 1), gga(LATE), gga(2)],
            [utc(1, DAY + 1), utc(LATE), utc(2, DAY + 1)],
            id="an epoch of before midnight comes late",
        ),
        pytest.param(
            [rmc(50_000), gga(49_990), gga(50_001)],
            [utc(50_000), utc(49_990), utc(50_001)],
            id="time goes back a little",
        ),
        pytest.param(
            [zda(LATE), gga(0)],
            [utc(0, DAY + 1)],
            id="a clock behind, across midnight",
        ),
        pytest.param(
            [gga(LATE), rmc(LATE, day=None), zda(0, DAY + 1), gga(0)],
            [None, utc(0, DAY + 1)],
            id="a clock ahead belongs to the next epoch",
        ),
        pytest.param(
            [zda(5, 1), rmc(5, day=DAY)], [utc(5)], id="a valid RMC is believed before ZDA"
        ),
        pytest.param(
            [rmc(5, valid=False, day=1), zda(5)],
            [utc(5)],
            id="ZDA is believed before an RMC without a fix",
        ),
        pytest.param([rmc(5), gga(6), rmc(6, day=DAY + 9)], [utc(5), utc(6, DAY + 9)], id="a jump"),
        pytest.param([rmc(86_400)], [utc(0, DAY + 1)], id="leap second"),
    ],
)
def test_time_of_the_fixes(sentences: list[Typed], expected: list[int | None]) -> None:
    assert [fix.time_us for fix in fixes(assemble(sentences))] == expected


def test_midnights_are_counted_for_weeks_without_a_date() -> None:
    sentences: list[Typed] = [rmc(0)]
    for _ in range(20):
        sentences += [gga(hour * 3600) for hour in (6, 12, 18, 0)]

    assert fixes(assemble(sentences))[-1].time_us == utc(0, DAY + 20)
