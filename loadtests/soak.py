"""A fleet for an hour: does memory grow?"""

from __future__ import annotations

from loadtests.figures import SERVICES, trend
from loadtests.live import live
from loadtests.report import Report
from loadtests.samples import LoadOptions, Run
from loadtests.steady import after_warm_up, steady_figures

MOST_GROWTH_MB_H = 20.0
SURE = 2.0
"""Standard errors that the growth must be above the bound to fail a run."""
LONG_ENOUGH_S = 900.0
"""Before that caches fill, and a slope says nothing about the hours to come."""


async def soak(options: LoadOptions, command: str) -> Report:
    """Run it. Raises PipelineError or LoadError if a part of it breaks."""
    async with live(options) as running:
        await running.go()
        await running.watch(options.seconds)
        await running.finish()
    return soak_figures(running.run, command)


def soak_figures(run: Run, command: str) -> Report:
    """As of a steady run, and the slope of every part's memory."""
    report = steady_figures(run, command, "soak")
    judged = after_warm_up(run)
    if len(judged) < 3:
        return report
    for part in sorted(judged[-1].parts):
        points = [
            (sample.seconds / 3600, sample.parts[part].rss_bytes / 1e6)
            for sample in judged
            if part in sample.parts
        ]
        growth, error = trend(points)
        report.add(f"memory growth, {part}", growth, "MB/h")
        report.add(f"memory growth, {part}: standard error", error, "MB/h")
        if part not in SERVICES or run.options.seconds < LONG_ENOUGH_S:
            continue
        if growth - SURE * error > MOST_GROWTH_MB_H:
            report.failures.append(f"memory of {part} grew by {growth:.0f} MB an hour")
    if run.options.seconds < LONG_ENOUGH_S:
        report.notes.append("Too short to judge memory: caches still fill (15 minutes at least).")
    return report
