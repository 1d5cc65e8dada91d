"""Plots of a bench run, as PNG."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib import ticker

from loadtests.report import Report, Result, times

INCHES = (9.0, 5.0)
DOTS = 110
COLOURS = {
    "ingest": "#0072b2",
    "enrich": "#009e73",
    "store": "#56b4e9",
    "services": "#0072b2",
    "postgres": "#e69f00",
    "kafka": "#cc79a7",
    "generator": "#999999",
    "lag": "#d55e00",
}
"""Okabe and Ito's, which colour-blind people can tell apart (2008)."""
OVER_TIME = ("steady", "ramp", "burst", "storm", "whole")
CPU_PREFIX = "CPU a fix, "
LATENCY_PREFIX = "received to stored"
WHOLE = ticker.StrMethodFormatter("{x:,.0f}")
PLAIN = ticker.StrMethodFormatter("{x:g}")
PERCENTILES = ("p50", "p90", "p99", "p99.9")


def draw(reports: Sequence[Report], directory: Path) -> list[Path]:
    """One file a plot; what a run did not measure is left out. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    by_name = {report.scenario: report for report in reports}
    drawn = []
    for name in OVER_TIME:
        report = by_name.get(name)
        if report is not None and len(report.series.get("seconds", ())) > 2:
            drawn.append(_save(directory / f"{name}-over-time.png", _over_time, report))
    for file, draw_one, wanted in (
        ("latency-percentiles.png", _latencies, _with_latencies(reports)),
        ("cpu-a-fix.png", _cpu, _with_cpu(reports)),
        ("ratios.png", _ratios, _with_ratios(reports)),
    ):
        if wanted:
            drawn.append(_save(directory / file, draw_one, wanted))
    if "scaling" in by_name and by_name["scaling"].series:
        drawn.append(_save(directory / "scaling.png", _scaling, by_name["scaling"]))
    return drawn


def _save(path: Path, draw_one: Callable[[Any, Any], None], what: object) -> Path:
    figure = plt.figure(figsize=INCHES, layout="constrained")
    try:
        draw_one(figure, what)
        figure.savefig(path, dpi=DOTS)
    finally:
        plt.close(figure)
    return path


def _over_time(figure: Any, report: Report) -> None:
    """Throughput above, lag below."""
    seconds = report.series["seconds"]
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    middle = [(a + b) / 2 for a, b in itertools.pairwise(seconds)]
    lines = (("sent", "sent", "generator"), ("stored", "stored", "services"))
    for key, label, colour in lines:
        rates = _rates(seconds, report.series[key])
        above.plot(middle, rates, label=label, color=COLOURS[colour], linewidth=1.8)
    above.set_ylabel("fixes a second")
    above.set_title(f"{report.scenario}: throughput and lag")
    above.legend(loc="upper right")
    below.fill_between(seconds, report.series["lag"], color=COLOURS["lag"], alpha=0.6, linewidth=0)
    below.set_ylabel("lag (fixes)")
    below.set_xlabel("seconds since the load began")
    for axes in (above, below):
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.yaxis.set_major_formatter(WHOLE)
        _tidy(axes)


def _latencies(figure: Any, groups: Sequence[tuple[str, dict[str, float]]]) -> None:
    axes = figure.subplots()
    width = 0.8 / len(groups)
    palette = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999"]
    for number, (name, values) in enumerate(groups):
        places = [place + number * width for place in range(len(PERCENTILES))]
        heights = [values.get(share, 0.0) for share in PERCENTILES]
        colour = palette[number % len(palette)]
        bars = axes.bar(places, heights, width * 0.92, label=name, color=colour)
        labels = [f"{height:,.0f}" for height in heights]
        axes.bar_label(bars, labels, fontsize=7, padding=3, rotation=90)
    axes.set_xticks([place + 0.4 - width / 2 for place in range(len(PERCENTILES))], PERCENTILES)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(WHOLE)
    axes.margins(y=0.15)
    axes.set_ylabel("milliseconds (log scale)")
    axes.set_title("Latency, from received to committed")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
    _tidy(axes)


def _cpu(figure: Any, groups: Sequence[tuple[str, dict[str, float]]]) -> None:
    axes = figure.subplots()
    parts = [part for part in COLOURS if any(part in values for _, values in groups)]
    names = [name for name, _ in groups]
    bottom = [0.0] * len(groups)
    tallest = max(sum(values.values()) for _, values in groups)
    for part in parts:
        heights = [values.get(part, 0.0) for _, values in groups]
        bars = axes.bar(names, heights, 0.6, bottom, label=part, color=COLOURS[part])
        labels = [f"{height:.1f}" if height > tallest / 25 else "" for height in heights]
        axes.bar_label(bars, labels, label_type="center", fontsize=8, color="white")
        bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    axes.set_ylabel("µs of processor time a fix")
    axes.set_title("CPU a fix, by service")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    _tidy(axes)


def _scaling(figure: Any, report: Report) -> None:
    axes = figure.subplots()
    terminals = report.series["terminals"]
    for key, label, colour in (
        ("services_us", "services", "services"),
        ("postgres_us", "database", "postgres"),
    ):
        values = report.series[key]
        axes.plot(terminals, values, "o-", label=label, color=COLOURS[colour], linewidth=1.8)
        for x, y in zip(terminals, values, strict=True):
            axes.annotate(f"{y:.1f}", (x, y), (0, 7), textcoords="offset points", ha="center")
    axes.set_xscale("log")
    axes.set_xticks(terminals, [f"{count:,.0f}" for count in terminals])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.margins(x=0.1, y=0.15)
    axes.set_xlabel("terminals, each with its own connection (log scale)")
    axes.set_ylabel("µs of processor time a fix")
    axes.set_title("The same rate from more terminals")
    axes.legend()
    _tidy(axes)


def _ratios(figure: Any, rows: Sequence[tuple[str, Result]]) -> None:
    axes = figure.subplots()
    figure.set_size_inches(INCHES[0] + 1.5, max(3.0, 0.33 * len(rows) + 1.2))
    names = [f"{scenario}: {one.name}\nagainst {one.against}" for scenario, one in rows][::-1]
    values = [one.ratio or 0.0 for _, one in rows][::-1]
    colours = ["#009e73" if value >= 1 else "#d55e00" for value in values]
    axes.barh(range(len(rows)), [value - 1 for value in values], 0.7, left=1, color=colours)
    for place, value in enumerate(values):
        beside = (4, 0) if value >= 1 else (-4, 0)
        axes.annotate(
            times(value),
            (value, place),
            beside,
            textcoords="offset points",
            ha="left" if value >= 1 else "right",
            va="center",
            fontsize=8,
        )
    axes.set_yticks(range(len(rows)), names, fontsize=6.5)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.margins(x=0.15, y=0.01)
    axes.xaxis.set_major_formatter(PLAIN)
    axes.set_xlabel("times as fast as what it is compared with, in the same run (log scale)")
    axes.set_title("Side by side: green is faster, red slower")
    _tidy(axes, axis="x")


def _rates(seconds: Sequence[float], totals: Sequence[float]) -> list[float]:
    """A second, between one sample and the next."""
    return [
        (totals[at + 1] - totals[at]) / max(seconds[at + 1] - seconds[at], 1e-9)
        for at in range(len(totals) - 1)
    ]


def _with_latencies(reports: Sequence[Report]) -> list[tuple[str, dict[str, float]]]:
    """Per scenario and occasion its percentiles."""
    groups: dict[str, dict[str, float]] = {}
    for report in reports:
        for result in report.results:
            if result.name.startswith(LATENCY_PREFIX):
                occasion, _, share = result.name[len(LATENCY_PREFIX) :].rpartition(", ")
                groups.setdefault(report.scenario + occasion, {})[share] = result.value
    return list(groups.items())


def _with_cpu(reports: Sequence[Report]) -> list[tuple[str, dict[str, float]]]:
    groups = []
    for report in reports:
        values = {
            result.name.removeprefix(CPU_PREFIX): result.value
            for result in report.results
            if result.name.startswith(CPU_PREFIX)
        }
        known = {part: value for part, value in values.items() if part in COLOURS}
        if known:
            groups.append((report.scenario, known))
    return groups


def _with_ratios(reports: Sequence[Report]) -> list[tuple[str, Result]]:
    from loadtests.results import ratios

    return ratios(reports)


def _tidy(axes: Any, axis: str = "y") -> None:
    axes.grid(axis=axis, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
