"""What a steady run shows: rate, lag, latency, CPU a fix, and whether it counts at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from loadtests.metrics import quantile
from loadtests.report import Report

if TYPE_CHECKING:
    from loadtests.steady import Run, Sample

LATENCY = "dipper_received_to_stored_seconds"
WARM_UP_SHARE = 0.2
"""Of the run; lag and CPU are judged on what comes after."""
LAG_TOLERANCE = 0.01
"""Lag may grow by this share of the rate: a measurement's noise."""
GENERATOR_FULL = 0.9
"""Cores a process; a generator above this is itself the limit."""
LATE_S = 0.25
OTHERS_CORES = 0.25
"""Load of other processes beyond which the figures say little about Dipper."""


def figures(run: Run, command: str) -> Report:
    """The report of a run."""
    report = Report("steady", command, ledger=run.ledger)
    judged = _judged(run.samples)
    if len(judged) < 2:
        report.failures.append("the run was too short to say anything: 10 s at least")
        return report
    _rates(report, run, judged)
    _latencies(report, run)
    _processor(report, run, judged)
    _losses(report, run)
    _limits(report, run, judged)
    report.series = _series(run.samples)
    return report


def _judged(samples: Sequence[Sample]) -> Sequence[Sample]:
    """After the warm-up and while all of the load was on."""
    if not samples:
        return []
    end = samples[-1].seconds
    return [sample for sample in samples if WARM_UP_SHARE * end <= sample.seconds < end - 0.5]


def _rates(report: Report, run: Run, judged: Sequence[Sample]) -> None:
    seconds = judged[-1].seconds - judged[0].seconds
    stored = (judged[-1].stored - judged[0].stored) / seconds
    sent = (judged[-1].load.fixes - judged[0].load.fixes) / seconds
    rate = run.options.rate
    report.add("fixes sent", sent, "fixes/s", "asked for", sent / rate)
    report.add("fixes stored", stored, "fixes/s", "asked for", stored / rate)
    growth = slope([(sample.seconds, _backlog(sample, run)) for sample in judged])
    report.add("lag at the end of the load", _backlog(judged[-1], run), "fixes")
    report.add("lag growth", growth, "fixes/s")
    report.add("time to store the rest", run.drain_s, "s")
    if growth > LAG_TOLERANCE * rate:
        report.failures.append(f"lag grew by {growth:.0f} fixes/s: the rate was not sustained")


def _latencies(report: Report, run: Run) -> None:
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        value = quantile(run.before, run.after, LATENCY, share)
        if value is not None:
            report.add(f"received to stored, {name}", value * 1000, "ms")


def _processor(report: Report, run: Run, judged: Sequence[Sample]) -> None:
    first, last = judged[0], judged[-1]
    seconds = last.seconds - first.seconds
    fixes = last.stored - first.stored
    generator_s = last.load.cpu_s - first.load.cpu_s
    used = {
        part: last.parts[part].cpu_s - usage.cpu_s
        for part, usage in sorted(first.parts.items())
        if part in last.parts
    }
    for part, cpu_s in {**used, "generator": generator_s}.items():
        report.add(f"CPU a fix, {part}", cpu_s / max(fixes, 1) * 1e6, "µs")
    for part, cpu_s in {**used, "generator": generator_s}.items():
        report.add(f"cores busy, {part}", cpu_s / seconds, "cores")
    for part, usage in sorted(last.parts.items()):
        report.add(f"memory, {part}", usage.rss_bytes / 1e6, "MB")


def _losses(report: Report, run: Run) -> None:
    report.add("fixes sent in all", run.sent, "fixes")
    report.add("rows", run.rows, "rows", "fixes sent", run.rows / max(run.sent, 1))
    if run.rows != run.sent:
        report.failures.append(f"{run.sent:,} fixes were sent and {run.rows:,} are rows")
    if run.ledger.get("balanced") is not True:
        reason = run.ledger.get("error", "see its figures")
        report.failures.append(f"the ledger does not balance: {reason}")


def _limits(report: Report, run: Run, judged: Sequence[Sample]) -> None:
    """What stood in the way, or would be next."""
    busy = {
        result.name.removeprefix("cores busy, "): result.value
        for result in report.results
        if result.name.startswith("cores busy, ")
    }
    late = sum(sample.load.late_s > LATE_S for sample in judged) / len(judged)
    if busy["generator"] > GENERATOR_FULL * run.options.generators:
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
    seconds = judged[-1].seconds - judged[0].seconds
    machine = (judged[-1].machine_cpu_s - judged[0].machine_cpu_s) / seconds
    others = machine - sum(busy.values())
    if others > OTHERS_CORES:
        report.notes.append(
            f"Other processes kept {others:.2f} cores busy: repeat this on a quiet machine."
        )
    else:
        report.notes.append(f"Next limit: {_next_limit(busy)}.")


def _next_limit(busy: dict[str, float]) -> str:
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


def _backlog(sample: Sample, run: Run) -> float:
    """Fixes that are due and not stored; what the generator holds back counts as lag."""
    return sample.load.fixes + sample.load.held_back - sample.stored


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the least squares line; 0 if all x are the same."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if not spread:
        return 0.0
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def _series(samples: Sequence[Sample]) -> dict[str, list[float]]:
    series = {
        "seconds": [sample.seconds for sample in samples],
        "sent": [float(sample.load.fixes) for sample in samples],
        "stored": [sample.stored for sample in samples],
        "held_back": [float(sample.load.held_back) for sample in samples],
        "generator_cpu_s": [sample.load.cpu_s for sample in samples],
    }
    for part in sorted({part for sample in samples for part in sample.parts}):
        series[f"{part}_cpu_s"] = [
            sample.parts[part].cpu_s if part in sample.parts else 0.0 for sample in samples
        ]
    return series
