"""Who reaches whom, how many there are, and what may be taken away at a time."""

from __future__ import annotations

import re

import pytest
from prometheus_client import CollectorRegistry

from services.runtime.metrics import LoopMetrics
from tests.unit.deploy.manifests import (
    CONTAINERS,
    FOLDER,
    PODS,
    documents,
    of_kind,
    shared_settings,
)

SERVICES = ("ingest", "enrich", "store")
EXAMPLE = FOLDER / "overlays/example"


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_a_disruption_budget_that_lets_nodes_be_drained(name: str) -> None:
    budget = of_kind("PodDisruptionBudget")[name]["spec"]
    assert budget["maxUnavailable"] == 1
    labels = PODS[name]["metadata"]["labels"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()


def test_the_service_leads_to_ingest() -> None:
    service = of_kind("Service")["ingest"]["spec"]
    assert service["selector"].items() <= PODS["ingest"]["metadata"]["labels"].items()
    named = {port["name"] for port in CONTAINERS["ingest"]["ports"]}
    assert {port["targetPort"] for port in service["ports"]} == {"nmea"} <= named


@pytest.mark.parametrize("name", ["enrich", "store"])
def test_the_autoscaler_follows_a_metric_that_the_service_shows(name: str) -> None:
    scaler = of_kind("HorizontalPodAutoscaler")[name]["spec"]
    assert scaler["scaleTargetRef"]["name"] in of_kind("Deployment")
    assert "replicas" not in of_kind("Deployment")[name]["spec"]
    (metric,) = (one["external"]["metric"] for one in scaler["metrics"])
    assert metric["selector"]["matchLabels"] == {"service": name}
    registry = CollectorRegistry()
    LoopMetrics(registry).lag_records.labels(service=name, topic="x").set(7)
    found = registry.get_sample_value(metric["name"], {"service": name, "topic": "x"})
    assert found == 7


@pytest.mark.parametrize("name", ["enrich", "store"])
def test_there_are_never_more_processes_than_partitions(name: str) -> None:
    most = of_kind("HorizontalPodAutoscaler")[name]["spec"]["maxReplicas"]
    assert most <= int(shared_settings()["DIPPER_PARTITIONS"])


def test_the_adapter_serves_the_metric_that_the_autoscalers_ask_for() -> None:
    (values,) = documents(FOLDER / "autoscaling/prometheus-adapter-rules.yaml")
    (rule,) = values["rules"]["external"]
    asked = {
        one["spec"]["metrics"][0]["external"]["metric"]["name"]
        for one in of_kind("HorizontalPodAutoscaler").values()
    }
    assert {rule["name"]["as"]} == asked
    assert f'__name__="{rule["name"]["as"]}"' in rule["seriesQuery"]


def test_nothing_gets_through_that_no_policy_names() -> None:
    policy = of_kind("NetworkPolicy")["nothing-by-default"]["spec"]
    assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_only_ingest_is_open_to_everybody_and_only_for_terminals() -> None:
    rules = {
        name: rule
        for name, one in of_kind("NetworkPolicy").items()
        for rule in one["spec"].get("ingress", [])
    }
    assert {name for name, rule in rules.items() if "from" not in rule} == {"terminals"}
    assert rules["terminals"]["ports"] == [{"protocol": "TCP", "port": "nmea"}]


def test_each_pod_reaches_what_it_needs_and_nothing_else() -> None:
    reached = {
        name: {policy for policy in ("names", "kafka", "database") if _selects(policy, name)}
        for name in PODS
    }
    assert reached == {
        "ingest": {"names", "kafka"},
        "enrich": {"names", "kafka"},
        "store": {"names", "kafka", "database"},
        "migrate": {"names", "kafka", "database"},
    }


def _selects(policy: str, pod: str) -> bool:
    selector = of_kind("NetworkPolicy")[policy]["spec"]["podSelector"]
    labels = PODS[pod]["metadata"]["labels"]
    return all(labels[one["key"]] in one["values"] for one in selector.get("matchExpressions", []))


def test_the_ports_that_policies_name_are_those_of_the_addresses_in_use() -> None:
    allowed = {
        port["port"]
        for name in ("kafka", "database")
        for port in of_kind("NetworkPolicy")[name]["spec"]["egress"][0]["ports"]
    }
    servers = shared_settings()["DIPPER_KAFKA_SERVERS"]
    dsn = (EXAMPLE / "secrets/dsn.example").read_text()
    assert {int(port) for port in re.findall(r":(\d+)", servers + " " + dsn)} <= allowed
