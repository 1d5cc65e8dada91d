from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.capacity.costs import Costs
from loadtests.capacity.model import Fleet, needs
from loadtests.capacity.simulation import Outage, Scene, rebalance, run, serve
from loadtests.capacity.skew import (
    ENRICH_TOPICS,
    MANNERS,
    NAMES,
    STORE_TOPICS,
    murmur2,
    owners,
    partition_rates,
    partitions_of,
    skew,
)
from loadtests.capacity.studies import spread
from services.log import partitioning

COSTS = Costs()
WEEK_S = 7 * 86_400.0


def a_scene(
    *,
    rates: list[float],
    enrich: list[float],
    store: list[float],
    database: float = 1e9,
    retention_s: float = WEEK_S,
) -> Scene:
    return Scene(
        np.array(rates), np.array(enrich), np.array(store), database, retention_s, 10.0, 8.0
    )


@pytest.mark.parametrize("name", NAMES)
def test_names_hash_as_the_log_does(name):
    names = NAMES[name](np.arange(7, 5_000_000, 99_991, dtype=np.int64))
    expected = [partitioning.murmur2(bytes(each)) for each in names]
    assert murmur2(names).tolist() == expected
    placed = partitions_of(names, 96).tolist()
    assert placed == [partitioning.partition_of(bytes(each), 96) for each in names]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_what_they_say(name):
    (first,) = NAMES[name](np.array([12_000_345], dtype=np.int64))
    assert len(bytes(first)) == {"IMEI": 15}.get(name, len(name))
    assert bytes(first).isascii()


@pytest.mark.parametrize("members", [1, 3, 12, 13])
@pytest.mark.parametrize("topics", [ENRICH_TOPICS, STORE_TOPICS])
def test_each_partition_has_an_owner_and_members_share_evenly(members, topics):
    shares = np.bincount(owners(members, 12, topics), minlength=members)
    assert shares.sum() == 12
    assert shares.max() - shares.min() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_the_skew_of_an_even_fleet_is_small(name):
    fleet = Fleet(200_000, parked_share=0.0, fast_share=0.0)
    assert skew(partition_rates(fleet, 12, 1, names=name)) < 1.03


@pytest.mark.parametrize("manner", MANNERS)
def test_each_manner_of_sending_sends_as_much(manner):
    fleet = Fleet(20_000)
    total = partition_rates(fleet, 12, 3, manner).sum()
    assert total == pytest.approx(fleet.fixes_s, rel=0.05)


def test_zipf_is_more_uneven_than_the_model():
    fleet = Fleet(20_000)
    assert skew(partition_rates(fleet, 12, 3, "Zipf")) > 1.2 * skew(partition_rates(fleet, 12, 3))


@pytest.mark.parametrize("what", ["database", "enrich"])
def test_catching_up_takes_what_the_closed_form_says(what):
    """λ T fixes wait, and go away at μ - λ a second."""
    slow, fast = [200.0] * 2, [1e6] * 2
    enrich, store = (fast, slow) if what == "database" else (slow, fast)
    scene = a_scene(rates=[100.0] * 4, enrich=enrich, store=store)
    scene = scene._replace(rates=np.array([50.0] * 4), takeover_s=0.0)
    found = run(scene, Outage(what, 3_600.0), step_s=5.0)
    assert found.catch_up_s == pytest.approx(200 * 3_600 / (400 - 200), abs=10)
    assert found.peak == pytest.approx(200 * 3_600, rel=0.01)
    assert found.worst_partition_s == pytest.approx(3_600, rel=0.01)


def test_the_database_bounds_all_members_together():
    scene = a_scene(rates=[50.0] * 4, enrich=[1e6], store=[1e6] * 4, database=300.0)
    found = run(scene, Outage("database", 600.0))
    assert found.catch_up_s == pytest.approx(200 * 600 / (300 - 200), abs=10)


def test_the_busiest_partition_catches_up_last():
    even = a_scene(rates=[50.0] * 4, enrich=[1e6], store=[100.0] * 4)
    uneven = even._replace(rates=np.array([80.0, 40.0, 40.0, 40.0]))
    outage = Outage("database", 600.0)
    assert run(uneven, outage).catch_up_s > 3 * run(even, outage).catch_up_s


def test_what_is_slower_than_the_fleet_never_catches_up():
    scene = a_scene(rates=[50.0] * 2, enrich=[1e6], store=[90.0])
    assert run(scene, Outage("database", 60.0), most_s=3_600.0).catch_up_s == math.inf


def test_a_death_while_catching_up_costs_time_and_no_fix():
    scene = a_scene(rates=[50.0] * 4, enrich=[1e6], store=[100.0] * 4)
    calm = run(scene, Outage("database", 600.0), step_s=1.0)
    died = run(scene, Outage("database", 600.0, death_s=100.0), step_s=1.0)
    assert died.catch_up_s > calm.catch_up_s + 8
    assert died.deleted == 0
    assert died.stored == pytest.approx(died.arrived - died.waiting)


def test_what_waits_longer_than_the_log_keeps_it_is_counted_as_deleted():
    scene = a_scene(rates=[10.0] * 2, enrich=[1e6], store=[30.0] * 2, retention_s=1_800.0)
    found = run(scene, Outage("database", 3_600.0), step_s=5.0)
    assert found.deleted == pytest.approx(20 * 1_800, rel=0.05)
    assert found.stored + found.waiting + found.deleted == pytest.approx(found.arrived)


@settings(max_examples=30, deadline=None)
@given(
    rates=st.lists(st.floats(0.1, 200), min_size=1, max_size=9),
    enrich=st.lists(st.floats(1, 500), min_size=1, max_size=4),
    store=st.lists(st.floats(1, 500), min_size=1, max_size=4),
    database=st.floats(1, 1_000),
    retention_s=st.floats(60, 3_600),
    what=st.sampled_from(["database", "enrich"]),
    death_s=st.none() | st.floats(0, 300),
)
def test_every_fix_is_stored_or_waits_or_is_deleted(
    rates, enrich, store, database, retention_s, what, death_s
):
    scene = a_scene(
        rates=rates, enrich=enrich, store=store, database=database, retention_s=retention_s
    )
    found = run(scene, Outage(what, 300.0, death_s), step_s=10.0, most_s=1_200.0)
    assert found.stored + found.waiting + found.deleted == pytest.approx(found.arrived)
    assert min(found.stored, found.waiting, found.deleted) >= -1e-6


def test_members_serve_no_more_than_they_can_and_no_more_than_there_is():
    waiting = np.array([5.0, 100.0, 0.0, 7.0])
    served = serve(waiting, np.array([0, 0, 1, 1]), np.array([50.0, 50.0]))
    assert served == pytest.approx([5, 45, 0, 7])


@pytest.mark.parametrize("stateful", [True, False])
def test_a_death_is_noticed_within_the_session(stateful):
    fleet = Fleet(1_000_000)
    found = needs(fleet, COSTS)
    died = rebalance(fleet, found, COSTS, 1, died=True, stateful=stateful)
    joined = rebalance(fleet, found, COSTS, 1, died=False, stateful=stateful)
    assert COSTS.session_s - COSTS.heartbeat_s <= died.noticed_s <= COSTS.session_s
    assert joined.noticed_s == 0
    for one in (died, joined):
        assert one.noticed_s + one.joined_s <= one.first_s <= one.last_s


def test_members_with_state_take_longer_than_those_without():
    fleet = Fleet(100_000)
    found = needs(fleet, COSTS)
    with_state = rebalance(fleet, found, COSTS, 1, died=False, stateful=True)
    assert (
        with_state.last_s > 5 * rebalance(fleet, found, COSTS, 1, died=False, stateful=False).last_s
    )


def test_percentiles_are_of_the_seeds_and_keep_what_never_ends():
    assert spread([4, 1, 3, 2, math.inf]) == (3, math.inf, math.inf)
    assert spread(range(1, 11)) == (5, 9, 10)
