"""The pods of deploy/kubernetes run Dipper as its settings have it, with no rights."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.assembly.needs import CLOSE_S
from services.runtime.supervise import GRACE_S, LEAVE_S
from tests.unit.deploy.manifests import (
    CONTAINERS,
    FOLDER,
    PODS,
    documents,
    environment,
    shared_settings,
)
from tests.unit.deploy.settings_of import (
    DEPLOY,
    ROOT,
    STOP_S,
    default,
    service_starts_with,
    unknown,
)

SERVICES = ("ingest", "enrich", "store")


def test_every_variable_is_a_setting() -> None:
    files = [file for file in FOLDER.rglob("*") if file.is_file()]
    assert {name for file in files for name in unknown(file.read_text())} == set()


@pytest.mark.parametrize("name", PODS)
def test_a_service_starts_with_what_its_pod_is_told(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert CONTAINERS[name]["args"] == [name]
    settings = service_starts_with(name, environment(name), monkeypatch, tmp_path)
    assert settings.http_host == settings.ingest_host == "0.0.0.0"


@pytest.mark.parametrize("name", PODS)
def test_kubernetes_own_variables_are_kept_away(name: str) -> None:
    """A service named dipper-ingest would make DIPPER_INGEST_PORT=tcp://… otherwise."""
    assert PODS[name]["spec"]["enableServiceLinks"] is False


@pytest.mark.parametrize("name", PODS)
def test_a_secret_file_lies_in_a_mounted_secret(name: str) -> None:
    mounted = {one["mountPath"] for one in CONTAINERS[name].get("volumeMounts", [])}
    files = [value for key, value in environment(name).items() if key.endswith("_FILE")]
    assert {str(Path(file).parent) for file in files} == mounted


def test_only_what_writes_to_the_database_gets_its_address() -> None:
    assert {name for name in PODS if "DIPPER_DSN_FILE" in environment(name)} == {"store", "migrate"}


@pytest.mark.parametrize("name", SERVICES)
def test_the_ports_are_the_ones_listened_on(name: str) -> None:
    told = shared_settings()
    ports = {port["name"]: port["containerPort"] for port in CONTAINERS[name]["ports"]}
    expected = {"http": int(told["DIPPER_HTTP_PORT"])}
    if name == "ingest":
        expected["nmea"] = int(told["DIPPER_INGEST_PORT"])
    assert ports == expected
    assert PODS[name]["metadata"]["annotations"]["prometheus.io/port"] == told["DIPPER_HTTP_PORT"]


def test_the_ports_are_the_ones_that_the_documentation_knows() -> None:
    told = shared_settings()
    assert told["DIPPER_INGEST_PORT"] == str(default("ingest_port"))
    assert told["DIPPER_HTTP_PORT"] == str(default("http_port"))
    assert told["DIPPER_PARTITIONS"] == str(default("partitions"))


@pytest.mark.parametrize("name", SERVICES)
def test_probes_ask_for_what_the_services_serve(name: str) -> None:
    source = (ROOT / "services/runtime/http.py").read_text()
    probes = {kind: CONTAINERS[name][f"{kind}Probe"]["httpGet"] for kind in PROBES}
    assert {kind: probe["path"] for kind, probe in probes.items()} == PROBES
    assert {probe["port"] for probe in probes.values()} == {"http"}
    assert all(f'"{path}"' in source for path in PROBES.values())


PROBES = {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_pod_has_longer_to_stop_than_it_takes(name: str) -> None:
    hook = CONTAINERS[name].get("lifecycle", {}).get("preStop", {"sleep": {"seconds": 0}})
    grace = PODS[name]["spec"]["terminationGracePeriodSeconds"]
    assert grace >= hook["sleep"]["seconds"] + 2 * STOP_S


@pytest.mark.parametrize("name", PODS)
def test_a_pod_has_no_rights(name: str) -> None:
    pod, container = PODS[name]["spec"], CONTAINERS[name]["securityContext"]
    user = pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]
    assert f"USER {user[0]}:{user[1]}\n" in (DEPLOY / "docker/Dockerfile").read_text()
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("name", PODS)
def test_memory_is_bounded(name: str) -> None:
    wanted = CONTAINERS[name]["resources"]
    assert set(wanted["requests"]) == {"cpu", "memory"}
    assert set(wanted["limits"]) == {"memory"}


def test_a_service_is_stopped_as_fast_as_these_tests_take_for_granted() -> None:
    assert GRACE_S + LEAVE_S + CLOSE_S <= STOP_S


def test_the_port_for_tls_is_the_one_listened_on() -> None:
    (patch,) = documents(FOLDER / "tls/deployment.yaml")
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    told = {one["name"]: one["value"] for one in container["env"]}
    (port,) = container["ports"]
    assert told["DIPPER_INGEST_TLS_PORT"] == str(port["containerPort"])
    assert port["containerPort"] == default("ingest_tls_port")
    (service,) = documents(FOLDER / "tls/service.yaml")
    (published,) = service["spec"]["ports"]
    assert (published["port"], published["targetPort"]) == (port["containerPort"], port["name"])


@pytest.mark.parametrize("file", ["tls/deployment.yaml", "kafka-sasl/pods.yaml"])
def test_a_component_changes_the_container_that_is_there(file: str) -> None:
    (patch,) = documents(FOLDER / file)
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    assert {one["name"] for one in CONTAINERS.values()} == {container["name"]}
    mounted = {one["mountPath"] for one in container["volumeMounts"]}
    files = [one["value"] for one in container["env"] if one["name"].endswith("_FILE")]
    assert {str(Path(file).parent) for file in files} == mounted
