"""Ten times the load for ten seconds: how far the pipeline falls behind, and for how long."""

from __future__ import annotations

import statistics

from loadtests.figures import add_latencies, add_losses, add_processor, note_others, series
from loadtests.live import live
from loadtests.report import Report
from loadtests.samples import LoadOptions, Run, between

FACTOR = 10
BURST_S = 10.0
RECOVERY_TIMEOUT_S = 180.0
CALM_LAG_S = 1.0
"""Lag is back when it is below what it was before and so many seconds' fixes."""


async def burst(options: LoadOptions, factor: float, burst_s: float, command: str) -> Report:
    """``options.rate`` for ``options.seconds``, then so many times that for so long, then the
    first rate again until the lag is gone. Raises PipelineError, LoadError."""
    async with live(options) as running:
        await running.go()
        await running.watch(options.seconds)
        begin = running.seconds
        await running.generators.rate(options.rate * factor)
        await running.watch(burst_s)
        end = running.seconds
        await running.generators.rate(options.rate)
        calm = CALM_LAG_S * options.rate
        await running.watch(RECOVERY_TIMEOUT_S, until=lambda sample: sample.backlog <= calm)
        await running.watch(2.5)
        await running.finish()
    return burst_figures(running.run, begin, end, command)


def burst_figures(run: Run, begin_s: float, end_s: float, command: str) -> Report:
    """The report, given when the burst began and ended."""
    report = Report("burst", command, ledger=run.ledger, series=series(run.samples))
    before = between(run.samples, begin_s / 5, begin_s)
    during = between(run.samples, begin_s, end_s)
    after = between(run.samples, end_s, float("inf"))
    if len(before) < 2 or len(during) < 2 or not after:
        report.failures.append("the run was too short to say anything")
        return report
    first, last = during[0], during[-1]
    sent = (last.load.fixes + last.load.held_back - first.load.fixes - first.load.held_back) / (
        last.load.seconds - first.load.seconds
    )
    usual = statistics.median(sample.backlog for sample in before)
    highest = max((*during, *after), key=lambda sample: sample.backlog)
    limit = max(usual, CALM_LAG_S * run.options.rate)
    back = next((one for one in after if one.backlog <= limit), None)
    report.add("rate before and after", run.options.rate, "fixes/s")
    report.add("rate in the burst", sent, "fixes/s")
    report.add("lag before", usual, "fixes")
    report.add("highest lag", highest.backlog, "fixes")
    if back is None:
        report.failures.append("the lag was not back to what it was before")
    else:
        report.add("back to less than a second's fixes after", back.seconds - end_s, "s")
    add_latencies(report, before[0].scrape, before[-1].scrape, " before")
    add_latencies(report, first.scrape, after[-1].scrape, " from the burst on")
    add_processor(report, first, after[-1])
    for part in sorted(before[-1].parts):
        grown = after[-1].parts[part].rss_bytes - before[-1].parts[part].rss_bytes
        report.add(f"memory added, {part}", grown / 1e6, "MB")
    add_losses(report, run)
    note_others(report, before[0], after[-1])
    return report
