from __future__ import annotations

import pytest

from loadtests.goals import goals, goals_table, reached
from loadtests.report import Report


@pytest.mark.parametrize(
    ("rate", "log", "verdict"),
    [
        (19_000, "embedded", "MISSED"),
        (20_000, "embedded", "reached"),
        (24_000, "kafka", "MISSED"),
        (35_000, "embedded", "aim reached"),
        (35_000, "kafka", "reached"),
    ],
)
def test_a_rate_is_judged_by_the_bounds_of_its_log(rate, log, verdict):
    report = Report("ramp", "")
    report.add("highest rate sustained for 60 s", rate, "fixes/s")
    (one,) = reached([report], log)
    assert one.verdict == verdict


@pytest.mark.parametrize(("p99", "verdict"), [(1200, "MISSED"), (999, "reached"), (300, "aim")])
def test_of_a_latency_less_is_better(p99, verdict):
    report = Report("ramp", "")
    report.add("received to stored at half of it, p99", p99, "ms")
    assert reached([report], "embedded")[0].verdict.startswith(verdict)


def test_of_several_figures_the_worst_counts_and_others_comparisons_do_not():
    report = Report("store", "")
    for ratio in (1.2, 0.7, 0.9):
        report.add("store, batches", 1, "rows/s", "bare COPY + ON CONFLICT", ratio)
    report.add("store, batches", 1, "rows/s", "bare COPY", 0.1)
    (one,) = reached([report], "kafka")
    assert (one.value, one.verdict) == (0.7, "MISSED")


def test_cpu_is_that_of_the_services_without_generator_and_database():
    report = Report("ramp", "")
    for name, value in (("postgres", 40), ("generator", 50), ("services", 14)):
        report.add(f"CPU a fix, {name}", value, "µs")
    (one,) = reached([report], "embedded")
    assert (one.value, one.verdict) == (14, "aim reached")


def test_a_goal_without_a_bound_is_an_aim():
    report = Report("offline", "")
    report.add("dipper decode to jsonl, against wc -l", 50, "times as long")
    assert reached([report], "embedded")[0].verdict == "aim missed"
    assert goals_table(reached([report], "embedded"))[1][2] == ""


def test_what_was_not_measured_is_not_judged():
    assert reached([Report("x", "")], "kafka") == []
    assert len(goals("kafka")) == 8
