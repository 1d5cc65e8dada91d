from __future__ import annotations

import json
import math

import pytest

from loadtests.generator import Progress
from loadtests.metrics import parse, quantile
from loadtests.processes import Usage
from loadtests.report import Report, number
from loadtests.steady import Run, Sample, SteadyOptions
from loadtests.steady_figures import figures, slope

BEFORE = """
# TYPE dipper_wait_seconds histogram
dipper_wait_seconds_bucket{le="0.1"} 10.0
dipper_wait_seconds_bucket{le="1.0"} 10.0
dipper_wait_seconds_bucket{le="+Inf"} 10.0
dipper_wait_seconds_count 10.0
"""
AFTER = """
# TYPE dipper_rows counter
dipper_rows_total{partition="0"} 3.0
dipper_rows_total{partition="1"} 4.0
# TYPE dipper_wait_seconds histogram
dipper_wait_seconds_bucket{le="0.1"} 60.0
dipper_wait_seconds_bucket{le="1.0"} 110.0
dipper_wait_seconds_bucket{le="+Inf"} 110.0
dipper_wait_seconds_count 110.0
"""


def test_counters_are_added_up_over_their_labels():
    totals = parse(AFTER).totals
    assert totals["dipper_rows_total"] == 7
    assert totals["dipper_rows_total{partition=1}"] == 4


@pytest.mark.parametrize(("share", "value"), [(0.25, 0.05), (0.5, 0.1), (0.99, 0.982)])
def test_quantiles_are_of_what_came_between_two_scrapes(share, value):
    found = quantile(parse(BEFORE), parse(AFTER), "dipper_wait_seconds", share)
    assert found == pytest.approx(value)


def test_without_observations_there_is_no_quantile():
    assert quantile(parse(AFTER), parse(AFTER), "dipper_wait_seconds", 0.5) is None
    assert quantile(parse(BEFORE), parse(AFTER), "dipper_other_seconds", 0.5) is None


def test_beyond_the_last_bound_a_quantile_is_infinite():
    late = AFTER.replace('le="+Inf"} 110', 'le="+Inf"} 1110').replace("count 110", "count 1110")
    found = quantile(parse(BEFORE), parse(late), "dipper_wait_seconds", 0.5)
    assert found == math.inf


@pytest.mark.parametrize(
    ("points", "value"),
    [([(0, 1), (1, 3), (2, 5)], 2), ([(0, 4), (9, 4)], 0), ([(1, 2), (1, 5)], 0)],
)
def test_slope_is_that_of_the_least_squares_line(points, value):
    assert slope(points) == pytest.approx(value)


def a_run(
    *,
    stored_share: float = 1.0,
    generator_cores: float = 0.2,
    others_cores: float = 0.0,
    lost: int = 0,
    balanced: bool = True,
) -> Run:
    run = Run(SteadyOptions(rate=1000, terminals=100, seconds=20))
    for second in range(21):
        run.samples.append(
            Sample(
                float(second),
                Progress(float(second), 1000 * second, 0, 0.0, generator_cores * second),
                1000 * second * stored_share,
                {
                    "services": Usage(5 + 0.5 * second, 100_000_000),
                    "postgres": Usage(1 + 0.25 * second, 50_000_000),
                },
                (0.75 + generator_cores + others_cores) * second,
            )
        )
    run.sent = 20_000
    run.rows = 20_000 - lost
    run.ledger = {"balanced": balanced}
    return run


def test_a_steady_run_reports_rate_and_cpu_a_fix_by_part():
    report = figures(a_run(), "command")
    found = {result.name: result.value for result in report.results}
    assert report.failures == []
    assert found["fixes stored"] == pytest.approx(1000)
    assert found["lag growth"] == pytest.approx(0)
    assert found["CPU a fix, services"] == pytest.approx(500)
    assert found["CPU a fix, postgres"] == pytest.approx(250)
    assert found["CPU a fix, generator"] == pytest.approx(200)


@pytest.mark.parametrize(
    ("run", "failure"),
    [
        (a_run(stored_share=0.9), "lag grew by 100 fixes/s"),
        (a_run(lost=1), "20,000 fixes were sent and 19,999 are rows"),
        (a_run(balanced=False), "the ledger does not balance"),
        (a_run(generator_cores=0.95), "the generator was the bottleneck"),
    ],
)
def test_a_run_that_lost_or_could_not_keep_up_fails(run, failure):
    assert any(text.startswith(failure) for text in figures(run, "command").failures)


def test_a_run_beside_other_work_says_so_instead_of_naming_a_limit():
    (note,) = figures(a_run(others_cores=1.0), "command").notes
    assert note.startswith("Other processes kept 1.00 cores busy")
    (note,) = figures(a_run(), "command").notes
    assert note.startswith("Next limit: services")


def test_a_run_that_is_too_short_to_judge_fails():
    run = a_run()
    del run.samples[2:]
    assert "too short" in figures(run, "command").failures[0]


def test_the_json_document_has_the_agreed_keys():
    document = json.loads(json.dumps(figures(a_run(), "the command").to_json()))
    agreed = {"scenario", "machine", "versions", "command", "results", "ledger"}
    assert agreed <= document.keys()
    assert document["ledger"]["balanced"] is True
    assert set(document["results"][0]) == {"name", "value", "unit", "against", "ratio"}


def test_a_report_is_written_as_its_json_document(tmp_path):
    report = Report("x", "the command")
    report.add("speed", 2.5, "µs", "bare COPY", 0.8)
    report.write(tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == report.to_json()


@pytest.mark.parametrize(
    ("value", "text"),
    [(12345.6, "12,346"), (0.123456, "0.123"), (7.0, "7"), (999.4, "999"), (1e6, "1,000,000")],
)
def test_numbers_are_short(value, text):
    assert number(value) == text
