"""What the metrics say of zones."""

from __future__ import annotations

import random

import pytest
from prometheus_client import CollectorRegistry

from services.enrich.metrics import EnrichMetrics
from services.enrich.zone_figures import MOST, OTHER, fingerprint, inside_by_kind, versions
from services.zones.transitions import TerminalZones
from services.zones.zone import Circle, Zone


def zone(name: str, kind: str = "port", version: str = "1") -> Zone:
    return Zone(name, kind, None, version, Circle(28.0, 120.0, 500.0), None, None, {})


def inside(*zones: str) -> TerminalZones:
    return TerminalZones(0, dict.fromkeys(zones, "1"))


def test_zones_count_by_kind_and_version() -> None:
    zones = [zone("a"), zone("b"), zone("c", version="2"), zone("d", "storm")]
    assert versions(zones) == {("port", "1"): 2, ("port", "2"): 1, ("storm", "1"): 1}


@pytest.mark.parametrize("many", ["kind", "version"])
def test_however_many_kinds_or_versions_there_are_the_labels_are_few(many: str) -> None:
    zones = [zone(f"z{number}", **{many: f"v{number}"}) for number in range(1_000)]
    counted = versions(zones)
    assert len(counted) <= 2 * MOST + 1
    assert sum(counted.values()) == 1_000
    assert any(OTHER in pair for pair in counted)


def test_the_fingerprint_tells_sets_of_zones_apart_but_not_their_order() -> None:
    zones = [zone(name) for name in "abcdef"]
    shuffled = random.Random(1).sample(zones, len(zones))
    assert fingerprint(zones) == fingerprint(shuffled)
    others = [zones[1:], [*zones[1:], zone("a", version="2")], [zone("a")], []]
    assert len({fingerprint(zones), *map(fingerprint, others)}) == 1 + len(others)
    assert fingerprint([]) == 0


def test_the_fingerprint_survives_the_way_through_a_float() -> None:
    number = fingerprint([zone("a")])
    assert int(float(number)) == number


def test_a_terminal_counts_once_for_each_kind_it_is_in() -> None:
    kinds = {"a": "port", "b": "port", "c": "storm", "d": "fishing"}
    states = [inside("a", "b"), inside("a", "c"), inside(), inside("gone")]
    assert inside_by_kind(states, kinds) == {"port": 2, "storm": 1, "fishing": 0}


def test_however_many_kinds_terminals_are_in_the_labels_are_few() -> None:
    kinds = {f"z{number}": f"kind {number}" for number in range(200)}
    counted = inside_by_kind([inside(name) for name in kinds], kinds)
    assert len(counted) == MOST + 1
    assert sum(counted.values()) == 200


def test_what_is_no_longer_in_force_is_no_longer_shown() -> None:
    registry = CollectorRegistry()
    metrics = EnrichMetrics(registry)
    metrics.show_zones([zone("a"), zone("b", "storm")])
    metrics.show_inside([inside("a")], {"a": "port", "b": "storm"})
    metrics.show_zones([zone("a", version="2")])
    metrics.show_inside([inside("a"), inside()], {"a": "port"})

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("dipper_zones") == 1
    assert value("dipper_zone_versions", kind="port", version="2") == 1
    assert value("dipper_zone_versions", kind="port", version="1") is None
    assert value("dipper_zone_versions", kind="storm", version="1") is None
    assert value("dipper_inside_zone_terminals") == 1
    assert value("dipper_inside_zone_kind_terminals", kind="port") == 1
    assert value("dipper_inside_zone_kind_terminals", kind="storm") is None
