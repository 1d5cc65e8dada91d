"""Prometheus looks for Dipper where Dipper is."""

from __future__ import annotations

import re

from deploy.monitoring.files import REPOSITORY
from services.runtime.settings import Settings

PROMETHEUS = REPOSITORY / "deploy/prometheus"
COMPOSE = (REPOSITORY / "deploy/compose/compose.yaml").read_text()
OPERATIONS = (REPOSITORY / "docs/operations.md").read_text()
DEFAULT_PORT = str(Settings.model_fields["http_port"].default)


def ports(name: str) -> list[str]:
    return re.findall(r'targets: \["127\.0\.0\.1:(\d+)"\]', (PROMETHEUS / name).read_text())


def test_dipper_up_is_scraped_on_its_port() -> None:
    assert ports("targets/up.yml") == [DEFAULT_PORT]


def test_the_services_are_scraped_where_the_manual_starts_them() -> None:
    told = re.findall(r"^DIPPER_HTTP_PORT=(\d+) dipper (?:enrich|store)$", OPERATIONS, re.MULTILINE)
    assert ports("targets/services.yml.example") == [DEFAULT_PORT, *told]
    assert len(told) == 2


def test_the_services_of_compose_are_scraped_by_their_names() -> None:
    scraped = (PROMETHEUS / "prometheus.yml").read_text()
    (names,) = re.findall(r"names: \[(.*)\]", scraped)
    for name in names.split(", "):
        service = re.search(rf"^  {name}:\n(?:    .*\n|\n)*", COMPOSE, re.MULTILINE)
        assert service, name
        assert f'DIPPER_HTTP_PORT: "{DEFAULT_PORT}"' in service[0]
    assert names.split(", ") == ["ingest", "enrich", "store"]
    assert f"port: {DEFAULT_PORT}" in scraped


def test_the_rules_are_those_of_the_configurations_and_their_job_has_its_name() -> None:
    for name in ("prometheus.yml", "prometheus-local.yml"):
        text = (PROMETHEUS / name).read_text()
        assert "  - dipper.rules.yml\n" in text
        assert text.count("job_name: dipper\n") == 1


def test_grafana_asks_the_prometheus_and_the_database_of_compose() -> None:
    sources = (REPOSITORY / "deploy/grafana/provisioning/datasources/dipper.yml").read_text()
    for host in re.findall(r"url: (?:http://)?(\w+):\d+", sources):
        assert re.search(rf"^  {host}:$", COMPOSE, re.MULTILINE), host
    (secret,) = re.findall(r"\$__file\{/run/dipper-secrets/(\w+)\}", sources)
    assert f'"{secret}"' in (REPOSITORY / "deploy/compose/make_secrets.py").read_text()
    (user,) = re.findall(r"^    user: (\w+)$", sources, re.MULTILINE)
    roles = (REPOSITORY / "deploy/compose/initdb/010_roles.sql").read_text()
    assert f"CREATE ROLE {user} LOGIN" in roles
