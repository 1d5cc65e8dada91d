"""A short run of what ``make fuzz`` does by the million."""

from __future__ import annotations

from tests.fuzz.port import fuzz

LINES = 10_000


async def test_whatever_is_sent_is_accounted_for_and_disturbs_nobody() -> None:
    guarded_too = await fuzz(LINES, 20_250_617, lambda _: None)
    assert [report.lines_sent >= LINES // 6 for report in guarded_too] == [True, True]
    assert guarded_too[0].accounted > LINES // 4
