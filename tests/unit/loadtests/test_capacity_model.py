from __future__ import annotations

from dataclasses import fields, replace

import pytest

from loadtests.capacity.costs import Costs, CostsError, costs_of, sources
from loadtests.capacity.limits import limits, ranked
from loadtests.capacity.model import (
    Fleet,
    Limit,
    distinct,
    needs,
    partitions_for,
    reached_at,
    recovery_s,
    rounds_of,
)
from loadtests.document import Document
from loadtests.report import Report

COSTS = Costs()
SIZES = (1, 100, 10_000, 100_000, 1_000_000, 10_000_000)


def test_the_rate_is_that_of_moving_fast_and_parked_terminals():
    fleet = Fleet(1_000, parked_share=0.5, parked_interval_s=10, fast_share=0.1)
    assert fleet.fixes_s == pytest.approx(450 * 1 + 50 * 10 + 500 / 10)


@pytest.mark.parametrize(
    "name",
    [
        "fixes_s", "partitions", "ingest", "enrich", "store", "batches_s", "brokers",
        "broker_cores", "log_bytes", "database_cores", "databases", "year_bytes",
        "year_column_bytes", "tally_bytes_s", "ledger_rows", "ingest_cores",
    ],
)  # fmt: skip
def test_more_terminals_never_need_less(name):
    found = [getattr(needs(Fleet(size), COSTS), name) for size in SIZES]
    assert found == sorted(found)
    assert found[-1] > found[0]


@pytest.mark.parametrize("limit", limits(COSTS), ids=lambda limit: limit.name[:30])
def test_a_limit_is_fuller_the_more_terminals_there_are(limit):
    shares = [limit.share(Fleet(size)) for size in SIZES]
    assert shares == sorted(shares)


def test_a_year_is_the_rate_times_the_bytes_of_a_row():
    found = needs(Fleet(1, parked_share=0.0, fast_share=0.0), COSTS)
    assert found.year_bytes == pytest.approx(365.25 * 86_400 * (105.6 + 34.6))
    assert found.year_column_bytes < found.year_bytes / 5


def test_processes_keep_the_headroom():
    found = needs(Fleet(1_000_000), COSTS)
    for processes, cores in (
        (found.ingest, found.ingest_cores),
        (found.enrich, found.enrich_cores),
        (found.store, found.store_cores),
    ):
        assert cores <= processes * COSTS.busy


def test_a_process_of_ingest_has_no_more_connections_than_it_takes():
    assert needs(Fleet(10_001), COSTS).ingest == 2
    assert needs(Fleet(10_001), replace(COSTS, connections_per_ingest=50_000)).ingest == 1


@pytest.mark.parametrize(("members", "partitions"), [(1, 12), (4, 12), (5, 24), (16, 48)])
def test_partitions_are_three_a_member_and_a_multiple_of_twelve(members, partitions):
    assert partitions_for(members) == partitions


@pytest.mark.parametrize(
    ("draws", "places", "expected"),
    [(0, 5, 0), (1, 5, 1), (2, 2, 1.5), (1_000_000, 12, 12), (7, 1, 1)],
)
def test_distinct_is_the_expected_number_of_places_met(draws, places, expected):
    assert distinct(draws, places) == pytest.approx(expected)


def test_more_partitions_make_smaller_batches_and_never_shorter_rounds():
    few, many = rounds_of(4_000, 12, COSTS), rounds_of(4_000, 1_200, COSTS)
    assert few.records == pytest.approx(80)
    assert few.batch_records > 6
    assert many.batch_records < 1.2
    assert many.interval_s >= few.interval_s == COSTS.linger_s


def test_recovery_reads_the_segment_that_compaction_leaves_alone():
    quiet = recovery_s(1_000, 0.0, COSTS)
    read_us = COSTS.state_read_us
    folded_us = 1_000 * COSTS.state_fold_us
    assert quiet == pytest.approx(COSTS.state_open_s + (1_250 * read_us + folded_us) / 1e6)
    assert recovery_s(1_000, 1e9, COSTS) == pytest.approx(
        quiet + COSTS.state_segment_bytes / COSTS.state_bytes * read_us / 1e6
    )


def test_a_limit_is_reached_where_its_share_is_one():
    limit = Limit("of 12,345", lambda fleet: fleet.terminals / 12_345, "")
    found = reached_at(limit, Fleet(1))
    assert found is not None
    assert 12_345 <= found <= 12_345 * 1.011
    assert reached_at(limit, Fleet(1), most=12_000) is None


def test_limits_are_ranked_by_the_fleet_that_reaches_them():
    found = [each.terminals for each in ranked(Fleet(1), COSTS) if each.terminals is not None]
    assert found == sorted(found)
    assert len(found) > 5


def test_each_figure_has_a_unit_and_a_source_and_says_if_it_was_given():
    assert all(each.unit and each.source for each in sources(COSTS))
    given = {each.name: each.source for each in sources(replace(COSTS, store_us=9.0))}
    assert given["store_us"] == "given by --costs"
    assert given["heap_bytes"] != "given by --costs"
    assert len(given) == len(fields(COSTS))


def a_document(*reports: Report) -> Document:
    return Document(reports, {}, {}, "python -m loadtests")


def test_costs_come_from_a_run_on_kafka():
    report = Report("steady", "")
    for part, value in (("ingest", 10), ("enrich", 8), ("store", 6), ("kafka", 4), ("postgres", 2)):
        report.add(f"CPU a fix, {part}", value, "µs")
    report.add("fixes stored", 24_000, "fixes/s")
    found = costs_of(a_document(Report("decode", ""), report))
    assert (found.ingest_us, found.broker_us, found.database_us) == (10, 4, 2)
    assert found.measured_batch == pytest.approx(40)
    assert found.heap_bytes == COSTS.heap_bytes


def test_a_run_of_one_process_does_not_tell_what_each_service_costs():
    report = Report("steady", "")
    report.add("CPU a fix, services", 30, "µs")
    with pytest.raises(CostsError, match="--log kafka"):
        costs_of(a_document(report))
