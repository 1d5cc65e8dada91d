"""A fleet that sends at a constant rate, from the socket to the row."""

from __future__ import annotations

from collections.abc import Sequence

from loadtests.figures import (
    add_latencies,
    add_limits,
    add_losses,
    add_processor,
    lag_growth,
    series,
)
from loadtests.live import live
from loadtests.report import Report
from loadtests.samples import LoadOptions, Run, Sample, between
from services.tools.fleet.faults import NO_FAULTS

WARM_UP_SHARE = 0.2
"""Of the run; lag and CPU are judged on what comes after."""
LAG_TOLERANCE = 0.01
"""Lag may grow by this share of the rate: a measurement's noise."""


async def steady(options: LoadOptions, command: str) -> Report:
    """Run it. Raises PipelineError or LoadError if a part of it breaks."""
    async with live(options) as running:
        await running.go()
        await running.watch(options.seconds)
        await running.finish()
    return steady_figures(running.run, command)


def steady_figures(run: Run, command: str, scenario: str = "steady") -> Report:
    """The report of a run."""
    report = Report(scenario, command, ledger=run.ledger)
    judged = after_warm_up(run)
    if len(judged) < 2:
        report.failures.append("the run was too short to say anything: 10 s at least")
        return report
    _rates(report, run, judged)
    add_latencies(report, judged[0].scrape, judged[-1].scrape)
    add_processor(report, judged[0], judged[-1])
    add_losses(report, run)
    add_limits(report, run, judged)
    report.series = series(run.samples)
    return report


def after_warm_up(run: Run) -> Sequence[Sample]:
    """While all of the load was on."""
    end = run.options.seconds
    return between(run.samples, WARM_UP_SHARE * end, end - 0.2)


def _rates(report: Report, run: Run, judged: Sequence[Sample]) -> None:
    seconds = judged[-1].seconds - judged[0].seconds
    stored = (judged[-1].stored - judged[0].stored) / seconds
    sent = (judged[-1].load.fixes - judged[0].load.fixes) / seconds
    rate = run.options.rate
    report.add("fixes sent", sent, "fixes/s", "asked for", sent / rate)
    report.add("fixes stored", stored, "fixes/s", "asked for", stored / rate)
    growth = lag_growth(judged)
    report.add("lag at the end of the load", judged[-1].backlog, "fixes")
    report.add("lag growth", growth, "fixes/s")
    report.add("time to store the rest", run.drain_s, "s")
    # After a dead spot all comes at once: lag then jumps without growing.
    if growth > LAG_TOLERANCE * rate and run.options.faults == NO_FAULTS:
        report.failures.append(f"lag grew by {growth:.0f} fixes/s: the rate was not sustained")
