"""What Dipper is asked to reach on two cores, and whether a run shows it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from loadtests.report import Report, Result, number


class Goal(NamedTuple):
    """A figure with a bound and an aim; of several that fit, the worst counts."""

    what: str
    scenario: str
    name: str
    """How the figure's name begins."""
    against: str | None
    better: Literal["more", "less"]
    bound: float | None
    aim: float
    unit: str

    def value(self, result: Result) -> float:
        """The ratio of figures that are compared, else the figure."""
        return result.value if self.against is None or result.ratio is None else result.ratio


class Reached(NamedTuple):
    """A goal with what the run shows."""

    goal: Goal
    value: float
    verdict: str


def goals(log: str) -> tuple[Goal, ...]:
    """For ``embedded`` or ``kafka``."""
    bound, aim = (25_000, 40_000) if log == "kafka" else (20_000, 35_000)
    merge = "bare COPY + ON CONFLICT"
    return (
        Goal("fixes sustained", "ramp", "highest rate", None, "more", bound, aim, "fixes/s"),
        Goal(
            "received to committed at half of that rate, p99",
            "ramp",
            "received to stored at half of it, p99",
            None,
            "less",
            1_000,
            300,
            "ms",
        ),
        Goal("CPU a fix, all services", "ramp", "CPU a fix, ", None, "less", 25, 15, "µs"),
        Goal(f"store against {merge}", "store", "store, ", merge, "more", 0.8, 1.0, "×"),
        Goal(
            "reading against pynmeagps",
            "decode",
            "sentences read, ",
            "pynmeagps",
            "more",
            25,
            60,
            "×",
        ),
        Goal(
            "memory a connected terminal",
            "idle",
            "memory a connection, ",
            None,
            "less",
            8_000,
            4_000,
            "bytes",
        ),
        Goal(
            "dipper decode against wc -l",
            "offline",
            "dipper decode to jsonl, against wc -l",
            None,
            "less",
            None,
            40,
            "times as long",
        ),
        Goal(
            "CPU a fix at 10,000 terminals against 100",
            "scaling",
            "CPU a fix, 10,000 terminals against 100",
            None,
            "less",
            1.15,
            1.05,
            "times as much",
        ),
    )


def reached(reports: Sequence[Report], log: str) -> list[Reached]:
    """All goals of which the run measured something."""
    found = []
    for goal in goals(log):
        values = [
            goal.value(result)
            for report in reports
            if report.scenario == goal.scenario
            for result in report.results
            if _concerns(goal, result)
        ]
        if values:
            value = min(values) if goal.better == "more" else max(values)
            found.append(Reached(goal, value, _verdict(goal, value)))
    return found


def goals_table(found: Sequence[Reached]) -> list[tuple[str, ...]]:
    """Rows of text, the first being the head."""
    rows: list[tuple[str, ...]] = [("goal", "this run", "bound", "aim", "unit", "")]
    for goal, value, verdict in found:
        bound = "" if goal.bound is None else number(goal.bound)
        rows.append((goal.what, number(value), bound, number(goal.aim), goal.unit, verdict))
    return rows


def _concerns(goal: Goal, result: Result) -> bool:
    if goal.what.startswith("CPU a fix, all"):
        return result.name in ("CPU a fix, services", "CPU a fix, all services")
    return result.name.startswith(goal.name) and (
        goal.against is None or result.against == goal.against
    )


def _verdict(goal: Goal, value: float) -> str:
    sign = 1 if goal.better == "more" else -1
    if sign * value >= sign * goal.aim:
        return "aim reached"
    if goal.bound is None:
        return "aim missed"
    if math.isnan(value) or sign * value < sign * goal.bound:
        return "MISSED"
    return "reached"
