"""A network comes back: all terminals connect again at once, half resend their last minute."""

from __future__ import annotations

from dataclasses import replace

from loadtests.figures import add_latencies, add_losses, add_processor, note_others, series
from loadtests.live import live
from loadtests.report import Report
from loadtests.samples import LoadOptions, Run, between

STORM_S = 5.0
SHARE = 0.5
REMEMBERED_S = 60.0
BACK_TIMEOUT_S = 120.0
RECOVERY_TIMEOUT_S = 180.0
CALM_LAG_S = 1.0


async def storm(options: LoadOptions, storm_s: float, command: str) -> Report:
    """Acknowledged mode for ``options.seconds``; then all connections break and come back within
    ``storm_s`` seconds. Raises PipelineError, LoadError."""
    options = replace(options, acknowledged=True, remember_s=REMEMBERED_S)
    calm = CALM_LAG_S * options.rate
    async with live(options) as running:
        await running.go()
        await running.watch(options.seconds)
        begin = running.seconds
        await running.generators.drop(storm_s, SHARE)
        await running.watch(BACK_TIMEOUT_S, until=lambda sample: bool(sample.load.logins_s))
        await running.watch(RECOVERY_TIMEOUT_S, until=lambda sample: sample.backlog <= calm)
        await running.finish()
    return storm_figures(running.run, begin, storm_s, command)


def storm_figures(run: Run, begin_s: float, storm_s: float, command: str) -> Report:
    """The report, given when the connections broke."""
    report = Report("storm", command, ledger=run.ledger, series=series(run.samples))
    before = between(run.samples, begin_s / 5, begin_s)
    after = between(run.samples, begin_s, float("inf"))
    if len(before) < 2 or not after or not after[-1].load.logins_s:
        report.failures.append("not all terminals came back, or the run was too short")
        return report
    last = after[-1]
    median, high, longest, all_back = last.load.logins_s
    report.add("terminals", run.options.terminals, "connections")
    report.add(f"all back after (spread over {storm_s:g} s)", all_back, "s")
    report.add("from connecting to the login's answer, p50", median * 1000, "ms")
    report.add("from connecting to the login's answer, p99", high * 1000, "ms")
    report.add("from connecting to the login's answer, longest", longest * 1000, "ms")
    report.add("attempts that failed", last.load.refused, "connections")
    report.add("highest lag", max(sample.backlog for sample in after), "fixes")
    limit = max(CALM_LAG_S * run.options.rate, *(sample.backlog for sample in before))
    back = next((one for one in after if one.load.logins_s and one.backlog <= limit), None)
    if back is None:
        report.failures.append("the lag was not back to what it was before")
    else:
        report.add("lag back to what it was after", back.seconds - begin_s, "s")
    add_latencies(report, before[0].scrape, before[-1].scrape, " before")
    add_latencies(report, before[-1].scrape, last.scrape, " from the storm on")
    add_processor(report, before[-1], last)
    add_losses(report, run)
    fixes = run.ledger.get("fixes")
    if isinstance(fixes, dict):
        report.add("recognised as duplicates", float(fixes.get("duplicate", 0)), "fixes")
    note_others(report, before[0], last)
    return report
