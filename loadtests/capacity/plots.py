"""Plots of the capacity model and its simulations, as PNG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib import ticker

from loadtests.capacity.limits import Reached
from loadtests.capacity.studies import CatchUp, Study
from loadtests.plots import COLOURS, WHOLE

INCHES = (9.0, 4.6)
DOTS = 90
ORDER = ("ingest", "enrich", "store", "kafka", "postgres")
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")


def draw(studies: Sequence[Study], reached: Sequence[Reached], folder: Path) -> list[Path]:
    """One file a plot. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _save(folder / "capacity-cores.png", lambda axes: _cores(axes, studies)),
        _save(folder / "capacity-limits.png", lambda axes: _limits(axes, reached)),
        _save(folder / "capacity-skew.png", lambda axes: _skew(axes, studies)),
        _save(folder / "capacity-catch-up.png", lambda axes: _catch_up(axes, studies)),
    ]


def _save(path: Path, draw_one: Callable[[Any], None]) -> Path:
    figure, axes = plt.subplots(figsize=INCHES, layout="constrained")
    try:
        draw_one(axes)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, dpi=DOTS)
    finally:
        plt.close(figure)
    return path


def _cores(axes: Any, studies: Sequence[Study]) -> None:
    width = 0.8 / len(ORDER)
    for number, part in enumerate(ORDER):
        heights = [_cores_of(each)[part] for each in studies]
        places = [place + number * width for place in range(len(studies))]
        bars = axes.bar(places, heights, width * 0.92, label=part, color=COLOURS[part])
        axes.bar_label(bars, [f"{height:,.3g}" for height in heights], fontsize=7, padding=2)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
    labels = [f"{each.fleet.terminals:,}" for each in studies]
    axes.set_xticks([place + 0.4 - width / 2 for place in range(len(studies))], labels)
    axes.set_xlabel("terminals")
    axes.set_ylabel("cores (log scale)")
    axes.set_title("Cores that are busy (plan twice as many)")
    axes.legend(fontsize=8)
    axes.grid(axis="y", alpha=0.3)


def _cores_of(study: Study) -> dict[str, float]:
    found = study.needs
    return {
        "ingest": found.ingest_cores,
        "enrich": found.enrich_cores,
        "store": found.store_cores,
        "kafka": found.broker_cores,
        "postgres": found.database_cores,
    }


def _limits(axes: Any, reached: Sequence[Reached]) -> None:
    known = [(each.name, each.terminals) for each in reached if each.terminals is not None][::-1]
    axes.barh(range(len(known)), [count for _, count in known], 0.6, color=COLOURS["lag"])
    for place, (_, count) in enumerate(known):
        axes.annotate(
            f"{float(f'{count:.2g}'):,.0f}", (count, place), (4, 0),
            textcoords="offset points", va="center", fontsize=8,
        )  # fmt: skip
    axes.set_yticks(range(len(known)), [name for name, _ in known], fontsize=8)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.xaxis.set_major_formatter(WHOLE)
    axes.set_xlabel("terminals (log scale)")
    axes.set_title("Where the design breaks first", loc="right")
    axes.grid(axis="x", alpha=0.3)


def _skew(axes: Any, studies: Sequence[Study]) -> None:
    manners = [each.manner for each in studies[0].skews]
    width = 0.8 / len(manners)
    for number, manner in enumerate(manners):
        found = [one.skews[number] for one in studies]
        places = [place + number * width for place in range(len(studies))]
        heights = [each.partition.p50 for each in found]
        above = [each.partition.most - each.partition.p50 for each in found]
        axes.bar(places, heights, width * 0.92, label=manner, color=PALETTE[number])
        nothing = [0.0] * len(above)
        axes.errorbar(places, heights, [nothing, above], fmt="none", color="black", capsize=3)
    labels = [f"{one.fleet.terminals:,}\n{one.needs.partitions} partitions" for one in studies]
    axes.set_xticks([place + 0.4 - width / 2 for place in range(len(studies))], labels)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_ylabel("busiest partition / mean")
    axes.set_xlabel("terminals")
    axes.set_title("Skew by who sends how often: median and highest over seeds")
    axes.legend(fontsize=8)
    axes.grid(axis="y", alpha=0.3)


def _catch_up(axes: Any, studies: Sequence[Study]) -> None:
    colours = iter(PALETTE * 2)
    for one in studies:
        for each in one.catch_ups[:2]:
            _backlog(axes, one, each, next(colours))
    axes.axvspan(0, 60, color="#999999", alpha=0.15, linewidth=0)
    axes.set_xlim(0, 240)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("minutes since the database went away (grey: it is away)")
    axes.set_ylabel("backlog (minutes of the fleet's fixes)")
    axes.set_title("Catching up after an hour's outage, one seed each")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)


def _backlog(axes: Any, one: Study, each: CatchUp, colour: str) -> None:
    run = each.runs[0]
    name = f"{one.fleet.terminals:,}, {each.name}"
    step = max(1, len(run.seconds) // 500)
    minutes = run.backlog[::step] / one.needs.fixes_s / 60
    axes.plot(run.seconds[::step] / 60, minutes, label=name, color=colour, linewidth=1.6)
