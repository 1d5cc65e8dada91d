from __future__ import annotations

import math

import pytest

from loadtests.burst import burst_figures
from loadtests.figures import slope, trend
from loadtests.metrics import parse, quantile
from loadtests.ramp import judge, ramp_figures
from loadtests.report import Report
from loadtests.samples import LoadOptions, Run
from loadtests.search import Trial
from loadtests.soak import soak_figures
from loadtests.steady import steady_figures
from loadtests.storm import storm_figures
from tests.unit.loadtests.runs import a_run, a_sample

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


def found(report: Report) -> dict[str, float]:
    return {result.name: result.value for result in report.results}


def test_counters_are_added_up_over_their_labels():
    totals = parse(AFTER).totals
    assert totals["dipper_rows_total"] == 7
    assert totals["dipper_rows_total{partition=1}"] == 4


@pytest.mark.parametrize(("share", "value"), [(0.25, 0.05), (0.5, 0.1), (0.99, 0.982)])
def test_quantiles_are_of_what_came_between_two_scrapes(share, value):
    wait = quantile(parse(BEFORE), parse(AFTER), "dipper_wait_seconds", share)
    assert wait == pytest.approx(value)


def test_without_observations_there_is_no_quantile():
    assert quantile(parse(AFTER), parse(AFTER), "dipper_wait_seconds", 0.5) is None
    assert quantile(parse(BEFORE), parse(AFTER), "dipper_other_seconds", 0.5) is None


def test_beyond_the_last_bound_a_quantile_is_infinite():
    late = AFTER.replace('le="+Inf"} 110', 'le="+Inf"} 1110').replace("count 110", "count 1110")
    assert quantile(parse(BEFORE), parse(late), "dipper_wait_seconds", 0.5) == math.inf


@pytest.mark.parametrize(
    ("points", "value"),
    [([(0, 1), (1, 3), (2, 5)], 2), ([(0, 4), (9, 4)], 0), ([(1, 2), (1, 5)], 0), ([], 0)],
)
def test_slope_is_that_of_the_least_squares_line(points, value):
    assert slope(points) == pytest.approx(value)


def test_the_standard_error_is_that_of_the_textbook():
    # y = x with residuals -1, 2, -1: s² = 6 / 1, spread 2.
    assert trend([(0, -1), (1, 3), (2, 1)]) == (pytest.approx(1), pytest.approx(3**0.5))
    assert trend([(0, 0), (1, 1), (2, 2)])[1] == 0


def test_a_steady_run_reports_rate_and_cpu_a_fix_by_part():
    report = steady_figures(a_run(), "command")
    figures = found(report)
    assert report.failures == []
    assert figures["fixes stored"] == pytest.approx(1000)
    assert figures["lag growth"] == pytest.approx(0)
    assert figures["CPU a fix, services"] == pytest.approx(500)
    assert figures["CPU a fix, postgres"] == pytest.approx(250)
    assert figures["CPU a fix, generator"] == pytest.approx(200)
    assert figures["received to stored, p50"] == pytest.approx(100)


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
    assert any(text.startswith(failure) for text in steady_figures(run, "command").failures)


def test_a_run_beside_other_work_says_so_instead_of_naming_a_limit():
    (note,) = steady_figures(a_run(others_cores=1.0), "command").notes
    assert note.startswith("Other processes kept 1.00 cores busy")
    (note,) = steady_figures(a_run(), "command").notes
    assert note.startswith("Next limit: services")


def test_a_run_that_is_too_short_to_judge_fails():
    run = a_run()
    del run.samples[2:]
    assert "too short" in steady_figures(run, "command").failures[0]


@pytest.mark.parametrize(
    ("seconds", "bytes_a_second", "fails"),
    [(1_000, 0, False), (1_000, 10_000, True), (1_000, 5_000, False), (100, 10_000, False)],
)
def test_a_soak_fails_if_memory_grows_for_long_enough_to_tell(seconds, bytes_a_second, fails):
    report = soak_figures(a_run(seconds=seconds, bytes_a_second=bytes_a_second), "command")
    assert found(report)["memory growth, services"] == pytest.approx(bytes_a_second * 3600 / 1e6)
    assert any("memory of services grew" in text for text in report.failures) is fails


def test_a_burst_tells_the_highest_lag_and_the_time_to_be_back():
    run = Run(LoadOptions(rate=1000, terminals=100, seconds=5), ledger={"balanced": True})
    sent = stored = 0
    for second in range(30):
        sent += 10_000 if 5 < second <= 15 else 1000
        stored = min(stored + 8_000, sent - 100)
        run.samples.append(a_sample(second, sent=sent, stored=stored))
    run.sent = run.rows = sent
    figures = found(report := burst_figures(run, 5.5, 15.5, "command"))
    assert report.failures == []
    assert figures["rate in the burst"] == pytest.approx(10_000)
    assert figures["lag before"] == 100
    # Its 2,000 a second too many for ten seconds, then 7,000 a second faster than they come.
    assert figures["highest lag"] == pytest.approx(20_000, rel=0.02)
    assert figures["back to less than a second's fixes after"] == pytest.approx(2.5)


def test_a_burst_whose_lag_stays_fails():
    run = Run(LoadOptions(rate=1000, terminals=100, seconds=5), ledger={"balanced": True})
    for second in range(30):
        run.samples.append(a_sample(second, sent=5000 * second, stored=3000 * second))
    report = burst_figures(run, 5.5, 15.5, "command")
    assert "the lag was not back to what it was before" in report.failures


def a_storm(logins_s: tuple[float, ...], duplicates: int) -> Run:
    run = Run(LoadOptions(rate=1000, terminals=100, seconds=5))
    for second in range(15):
        lag = 5000 if 5 < second < 12 else 100
        run.samples.append(
            a_sample(
                second,
                sent=1000 * second,
                stored=1000 * second - lag,
                logins_s=logins_s if second > 10 else (),
            )
        )
    run.sent = run.rows = 14_000
    run.ledger = {"balanced": True, "fixes": {"duplicate": duplicates}}
    return run


def test_a_storm_tells_how_long_logins_and_the_lag_took():
    figures = found(report := storm_figures(a_storm((0.01, 0.2, 0.4, 5.1), 700), 5.5, 5, "x"))
    assert report.failures == []
    assert figures["all back after (spread over 5 s)"] == 5.1
    assert figures["from connecting to the login's answer, p99"] == pytest.approx(200)
    assert figures["highest lag"] == 5000
    assert figures["lag back to what it was after"] == pytest.approx(6.5)
    assert figures["recognised as duplicates"] == 700


def test_a_storm_from_which_not_all_came_back_fails():
    assert "not all terminals came back" in storm_figures(a_storm((), 0), 5.5, 5, "x").failures[0]


def samples(stored_share: float, sent_share: float = 1.0):
    return [
        a_sample(
            second,
            sent=1000 * sent_share * second,
            stored=1000 * sent_share * stored_share * second,
        )
        for second in range(20)
    ]


@pytest.mark.parametrize(
    ("stored_share", "sent_share", "held"),
    [(1.0, 1.0, True), (0.95, 1.0, False), (0.995, 1.0, True), (1.0, 0.9, False)],
)
def test_a_rate_holds_if_it_is_sent_and_the_lag_does_not_grow(stored_share, sent_share, held):
    outcome = judge(Trial(1000, 20, True), samples(stored_share, sent_share), 1)
    assert outcome.held is held


@pytest.mark.parametrize(("growth", "held"), [(50, True), (70, False)])
def test_a_short_try_forgives_a_moments_fixes(growth, held):
    tried = [
        a_sample(second, sent=1000 * second, stored=(1000 - growth) * second) for second in range(5)
    ]
    assert judge(Trial(1000, 4, False), tried, 1).held is held
    assert not judge(Trial(1000, 4, True), tried, 1).held


def test_a_ramp_reports_the_rate_that_held_and_latency_at_half_of_it():
    run = a_run()
    outcomes = [judge(Trial(1000, 20, True), samples(1.0), 1)]
    report = ramp_figures(run, outcomes, 1000, samples(1.0), "command")
    assert report.failures == []
    assert found(report)["highest rate sustained for 20 s"] == 1000
    assert "received to stored at half of it, p99" in found(report)
    assert "Tried: 1,000/s for 20 s (held)." in report.notes
    lost = ramp_figures(a_run(lost=3), outcomes, 1000, (), "command")
    assert any("19,997 are rows" in text for text in lost.failures)
