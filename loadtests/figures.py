"""What samples show: rate, lag, latency, CPU a fix, and whether a run counts at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from loadtests.metrics import LATENCY, Scrape, quantile
from loadtests.report import Report
from loadtests.samples import Run, Sample

LATENCY_SHARES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999))
GENERATOR_FULL = 0.9
"""Cores a process; a generator above this is itself the limit."""
LATE_S = 0.25
OTHERS_CORES = 0.25
"""Load of other processes beyond which the figures say little about Dipper."""


def add_latencies(report: Report, before: Scrape, after: Scrape, what: str = "") -> None:
    """Received to stored, from the histogram between two scrapes."""
    for name, share in LATENCY_SHARES:
        value = quantile(before, after, LATENCY, share)
        if value is not None:
            report.add(f"received to stored{what}, {name}", value * 1000, "ms")


def cpu_used(first: Sample, last: Sample) -> dict[str, float]:
    """Seconds of processor time by part, the generator among them."""
    used = {
        part: last.parts[part].cpu_s - usage.cpu_s
        for part, usage in sorted(first.parts.items())
        if part in last.parts
    }
    return {**used, "generator": last.load.cpu_s - first.load.cpu_s}


def services_cpu_s(used: Mapping[str, float]) -> float:
    """Seconds of Dipper's own parts, of seconds by part."""
    return sum(cpu_s for part, cpu_s in used.items() if part in SERVICES)


def add_processor(report: Report, first: Sample, last: Sample) -> None:
    """CPU a fix, cores and memory of every part."""
    seconds = last.seconds - first.seconds
    fixes = last.stored - first.stored
    used = cpu_used(first, last)
    services = services_cpu_s(used)
    for part, cpu_s in used.items():
        report.add(f"CPU a fix, {part}", cpu_s / max(fixes, 1) * 1e6, "µs")
    if "services" not in used:
        report.add("CPU a fix, all services", services / max(fixes, 1) * 1e6, "µs")
    for part, cpu_s in used.items():
        report.add(f"cores busy, {part}", cpu_s / seconds, "cores")
    for part, usage in sorted(last.parts.items()):
        report.add(f"memory, {part}", usage.rss_bytes / 1e6, "MB")


SERVICES = ("services", "ingest", "enrich", "store")
"""Parts that are Dipper's own."""


def add_losses(report: Report, run: Run) -> None:
    """Rows and ledger; a run that lost anything fails."""
    report.ledger = run.ledger
    report.add("fixes sent in all", run.sent, "fixes")
    if run.resent:
        report.add("fixes sent again", run.resent, "fixes")
    report.add("rows", run.rows, "rows", "fixes sent", run.rows / max(run.sent, 1))
    if run.rows != run.sent:
        report.failures.append(f"{run.sent:,} fixes were sent and {run.rows:,} are rows")
    check_ledger(report)


def check_ledger(report: Report) -> None:
    """A ledger that does not balance is a failure."""
    ledger = report.ledger or {}
    if ledger.get("balanced") is not True:
        reason = ledger.get("error", "see its figures")
        report.failures.append(f"the ledger does not balance: {reason}")


def add_limits(report: Report, run: Run, judged: Sequence[Sample]) -> None:
    """What stood in the way, or would be next."""
    seconds = judged[-1].seconds - judged[0].seconds
    used = cpu_used(judged[0], judged[-1])
    busy = {part: cpu_s / seconds for part, cpu_s in used.items()}
    late = sum(sample.load.late_s > LATE_S for sample in judged) / len(judged)
    if generator_was_full(judged, run.options.generators):
        report.failures.append(
            "the generator was the bottleneck: use more of them (--generators), on other cores"
        )
    elif late > 0.1:
        report.notes.append(
            f"The generator was late by more than {LATE_S:g} s in {late:.0%} of the seconds "
            "though it was not busy: the machine was full."
        )
    if any(sample.load.held_back for sample in judged):
        most = max(sample.load.held_back for sample in judged)
        report.notes.append(f"Ingest read more slowly than was sent: up to {most:,} fixes waited.")
    note_others(report, judged[0], judged[-1])
    if not any(note.startswith("Other processes") for note in report.notes):
        report.notes.append(f"Next limit: {_next_limit(busy)}.")


def generator_was_full(judged: Sequence[Sample], generators: int) -> bool:
    """The generators' own processor time left them no room."""
    seconds = judged[-1].seconds - judged[0].seconds
    cpu_s = judged[-1].load.cpu_s - judged[0].load.cpu_s
    return cpu_s / seconds > GENERATOR_FULL * generators


def note_others(report: Report, first: Sample, last: Sample) -> None:
    """Say so if much else was running."""
    seconds = last.seconds - first.seconds
    others = (
        last.machine_cpu_s - first.machine_cpu_s - sum(cpu_used(first, last).values())
    ) / seconds
    if others > OTHERS_CORES:
        report.notes.append(
            f"Other processes kept {others:.2f} cores busy: repeat this on a quiet machine."
        )


def _next_limit(busy: Mapping[str, float]) -> str:
    cores = os.cpu_count() or 1
    total = sum(busy.values())
    if total > 0.9 * cores:
        part = max(busy, key=lambda name: busy[name])
        return f"the processor, {total:.2f} of {cores} cores are busy, most of it in {part}"
    if busy.get("services", 0) > 0.9:
        return f"one core for the services' Python ({busy['services']:.2f} busy)"
    spare = {part: 1 / cpu for part, cpu in busy.items() if part != "generator" and cpu > 0}
    part = min(spare, key=lambda name: spare[name], default="unknown")
    return f"{part}, at about {spare.get(part, 0):.1f} times this rate if it stays on one core"


def lag_growth(judged: Sequence[Sample]) -> float:
    """Fixes a second by which the backlog grows: the slope of the least squares line."""
    return slope([(sample.seconds, sample.backlog) for sample in judged])


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the least squares line; 0 if all x are the same."""
    return trend(points)[0]


def trend(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope of the least squares line and its standard error; 0 where there is nothing to tell."""
    count = len(points)
    if not count:
        return 0.0, 0.0
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if not spread:
        return 0.0, 0.0
    found = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    if count < 3:
        return found, 0.0
    rest = sum((y - mean_y - found * (x - mean_x)) ** 2 for x, y in points)
    return found, (rest / (count - 2) / spread) ** 0.5


def series(samples: Sequence[Sample]) -> dict[str, list[float]]:
    """Samples by name, for plots."""
    found = {
        "seconds": [sample.seconds for sample in samples],
        "sent": [float(sample.load.fixes) for sample in samples],
        "stored": [sample.stored for sample in samples],
        "held_back": [float(sample.load.held_back) for sample in samples],
        "lag": [sample.backlog for sample in samples],
        "generator_cpu_s": [sample.load.cpu_s for sample in samples],
    }
    for part in sorted({part for sample in samples for part in sample.parts}):
        used = [sample.parts.get(part) for sample in samples]
        found[f"{part}_cpu_s"] = [one.cpu_s if one else 0.0 for one in used]
        found[f"{part}_rss_bytes"] = [float(one.rss_bytes) if one else 0.0 for one in used]
    return found
