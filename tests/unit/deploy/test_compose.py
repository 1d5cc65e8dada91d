"""deploy/compose fits the compose specification, the settings and the rest of the repository."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.unit.deploy.settings_of import (
    DEPLOY,
    ROOT,
    STOP_S,
    default,
    service_starts_with,
    unknown,
)

FOLDER = DEPLOY / "compose"
TEXT = (FOLDER / "compose.yaml").read_text()
PROJECT: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = PROJECT["services"]
SCHEMA = json.loads((Path(__file__).parent / "schemas/compose-spec.json").read_text())
OURS = ("migrate", "ingest", "enrich", "store")
ONE_SHOT = ("secrets", "migrate")
LASTING = [name for name in SERVICES if name not in ONE_SHOT]


def mounts(service: str) -> list[tuple[str, str]]:
    """(source, target) of every mount of a service."""
    return [tuple(mount.split(":")[:2]) for mount in SERVICES[service].get("volumes", [])]


def published(service: str) -> list[tuple[str, str, str]]:
    """(address, port of this machine, port of the container) of every published port."""
    return [tuple(port.rsplit(":", 2)) for port in SERVICES[service].get("ports", [])]


def seconds(duration: str) -> float:
    """``15s`` or ``1m`` in seconds."""
    return float(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]]


def test_the_file_fits_the_compose_specification() -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(PROJECT)


def test_the_schema_refuses_what_is_no_compose_file() -> None:
    wrong = {"services": {"kafka": {"imagine": "apache/kafka"}}}
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(wrong)


def test_every_variable_is_a_setting() -> None:
    assert unknown(TEXT) == set()


@pytest.mark.parametrize("service", OURS)
def test_a_service_starts_with_what_it_is_told(
    service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert SERVICES[service]["command"] == [service]
    service_starts_with(service, SERVICES[service]["environment"], monkeypatch, tmp_path)


@pytest.mark.parametrize("service", OURS[1:])
def test_health_and_metrics_listen_beyond_the_container(service: str) -> None:
    assert SERVICES[service]["environment"]["DIPPER_HTTP_HOST"] == "0.0.0.0"


def test_terminals_reach_ingest_from_outside_its_container() -> None:
    assert SERVICES["ingest"]["environment"]["DIPPER_INGEST_HOST"] == "0.0.0.0"


@pytest.mark.parametrize("service", OURS[1:])
def test_the_ports_published_are_the_ones_listened_on(service: str) -> None:
    settings = SERVICES[service]["environment"]
    listened = {settings["DIPPER_HTTP_PORT"], settings.get("DIPPER_INGEST_PORT")}
    assert {inner for _, _, inner in published(service)} == listened - {None}


def test_the_ports_are_the_ones_that_the_documentation_knows() -> None:
    settings = SERVICES["ingest"]["environment"]
    assert settings["DIPPER_INGEST_PORT"] == str(default("ingest_port"))
    assert settings["DIPPER_HTTP_PORT"] == str(default("http_port"))


def test_every_port_is_open_to_this_machine_only_unless_told_otherwise() -> None:
    addresses = {address for name in SERVICES for address, _, _ in published(name)}
    assert addresses == {"127.0.0.1", "${TERMINALS_ADDRESS:-127.0.0.1}"}


def test_no_two_services_publish_the_same_port() -> None:
    ports: list[int] = []
    for name in SERVICES:
        for _, outer, _ in published(name):
            first, _, last = outer.partition("-")
            ports += range(int(first), int(last or first) + 1)
    assert len(ports) == len(set(ports))


def test_kafka_and_the_database_are_not_published_and_reach_nothing() -> None:
    for name in ("kafka", "timescaledb"):
        assert "ports" not in SERVICES[name]
        assert SERVICES[name]["networks"] == ["pipeline"]
    assert PROJECT["networks"]["pipeline"] == {"internal": True}


@pytest.mark.parametrize("service", SERVICES)
def test_the_image_is_pinned(service: str) -> None:
    tag = SERVICES[service]["image"].partition(":")[2]
    assert re.match(r"v?\d+\.\d+\.\d+", tag), f"{service} has no exact version"


@pytest.mark.parametrize("service", [*OURS, "secrets"])
def test_the_image_has_this_dippers_version(service: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert SERVICES[service]["image"] == f"dipper:{project['version']}"


def test_one_service_builds_the_image_and_the_others_wait_for_it() -> None:
    builds = {name: one["build"] for name, one in SERVICES.items() if "build" in one}
    assert set(builds) == {"secrets"}
    context = FOLDER / builds["secrets"]["context"]
    assert context.resolve() == ROOT
    assert (context / builds["secrets"]["dockerfile"]).is_file()
    for name in OURS:
        assert SERVICES[name]["pull_policy"] == "never"
        assert "secrets" in waits_for(name)


def waits_for(service: str) -> set[str]:
    """All that has to be there before a service starts, directly or not."""
    direct = SERVICES[service].get("depends_on", {})
    return set(direct) | {far for near in direct for far in waits_for(near)}


@pytest.mark.parametrize("service", SERVICES)
def test_each_dependency_is_waited_for_until_it_is_done_or_healthy(service: str) -> None:
    for name, how in SERVICES[service].get("depends_on", {}).items():
        expected = "service_completed_successfully" if name in ONE_SHOT else "service_healthy"
        assert how == {"condition": expected}


@pytest.mark.parametrize("service", OURS[1:])
def test_services_start_after_the_migration_on_engines_that_are_ready(service: str) -> None:
    assert waits_for(service) == {"migrate", "secrets", "kafka", "timescaledb"}


@pytest.mark.parametrize("service", LASTING)
def test_every_lasting_service_has_a_healthcheck_and_starts_again(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert SERVICES[service]["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", OURS[1:])
def test_a_service_has_longer_to_stop_than_it_takes(service: str) -> None:
    assert seconds(SERVICES[service]["stop_grace_period"]) >= 2 * STOP_S


def test_ingest_may_open_as_many_files_as_it_takes_connections() -> None:
    connections = default("ingest_max_connections")
    assert isinstance(connections, int)
    assert SERVICES["ingest"]["ulimits"]["nofile"] >= connections + 1_000


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_mounted_is_in_the_repository_or_a_named_volume(service: str) -> None:
    for source, target in mounts(service):
        assert target.startswith("/")
        if source.startswith("."):
            assert (FOLDER / source).exists(), f"{service} mounts {source}"
        else:
            assert source in PROJECT["volumes"]


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_has_more_rights_than_it_needs(service: str) -> None:
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in SERVICES[service]


@pytest.mark.parametrize("service", OURS)
def test_dipper_runs_as_the_images_user_and_writes_nothing(service: str) -> None:
    dockerfile = (DEPLOY / "docker/Dockerfile").read_text()
    assert f"USER {SERVICES[service]['user']}\n" in dockerfile
    assert SERVICES[service]["read_only"] is True


def test_no_secret_stands_in_the_file() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|DSN", variable):
                assert variable.endswith("_FILE"), f"{name} has {variable}={value}"


def test_prometheus_finds_its_rules_and_every_service_where_it_shows_its_metrics() -> None:
    (config,) = (
        word.partition("=")[2]
        for word in SERVICES["prometheus"]["command"]
        if word.startswith("--config.file=")
    )
    at = {target: FOLDER / source for source, target in mounts("prometheus")}
    file = at["/etc/prometheus"] / Path(config).relative_to("/etc/prometheus")
    told = yaml.safe_load(file.read_text())
    assert all((file.parent / rules).is_file() for rules in told["rule_files"])
    (job,) = (job for job in told["scrape_configs"] if job["job_name"] == "dipper")
    (found,) = job["dns_sd_configs"]
    shown = {(name, int(SERVICES[name]["environment"]["DIPPER_HTTP_PORT"])) for name in OURS[1:]}
    assert {(name, found["port"]) for name in found["names"]} == shown


def test_grafana_finds_its_dashboards_and_reaches_what_they_show() -> None:
    provisioning = DEPLOY / "grafana/provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards/dipper.yml").read_text())["providers"]
    targets = {target for _, target in mounts("grafana")}
    assert {provider["options"]["path"], "/etc/grafana/provisioning"} <= targets
    sources = yaml.safe_load((provisioning / "datasources/dipper.yml").read_text())["datasources"]
    hosts = {re.sub("^http://", "", source["url"]) for source in sources}
    assert hosts == {"prometheus:9090", "timescaledb:5432"}
    for name in ("prometheus", "timescaledb"):
        assert set(SERVICES[name]["networks"]) & set(SERVICES["grafana"]["networks"])


TLS = yaml.safe_load((FOLDER / "compose.tls.yaml").read_text())


def test_the_file_for_tls_fits_the_compose_specification_and_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(TLS)
    (ingest,) = TLS["services"].values()
    together = SERVICES["ingest"]["environment"] | ingest["environment"]
    settings = service_starts_with("ingest", together, monkeypatch, tmp_path)
    assert settings.ingest_tls_port == default("ingest_tls_port")
    (port,) = ingest["ports"]
    assert port.rsplit(":", 2)[1:] == [str(settings.ingest_tls_port)] * 2


def test_every_tls_file_lies_where_its_folder_is_mounted() -> None:
    (ingest,) = TLS["services"].values()
    (mount,) = ingest["volumes"]
    files = [value for name, value in ingest["environment"].items() if name.endswith("_FILE")]
    assert {str(Path(file).parent) for file in files} == {mount.rsplit(":", 2)[1]}
