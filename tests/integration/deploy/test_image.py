"""The image, built by the steps of its Dockerfile without Docker, runs a whole pipeline.

`make image-check`: needs root, debootstrap, and the engines. It reads the Dockerfile and
compose.yaml themselves, so what is tried is what is shipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engines.found import free_ports
from tests.engines.kafka import Cluster
from tests.integration.cluster.asking import rows, until
from tests.integration.deploy.container import Container, Image

pytestmark = pytest.mark.image

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
CAPTURE = "beidou-bd.log"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())["services"]
SERVICES = ("ingest", "enrich", "store")
TERMINAL = "TRUCK-7"


@pytest.fixture
def settings(image: Image, kafka_cluster: Cluster, database: str) -> dict[str, dict[str, str]]:
    """The variables of each service in compose.yaml, with this machine's ports and engines, and
    the database's address in the file that they name."""
    place_secret(image, COMPOSE["store"]["environment"]["DIPPER_DSN_FILE"], database)
    ports = free_ports(len(SERVICES) + 1)
    told: dict[str, dict[str, str]] = {}
    for number, service in enumerate((*SERVICES, "migrate")):
        told[service] = dict(COMPOSE[service]["environment"])
        told[service]["DIPPER_KAFKA_SERVERS"] = kafka_cluster.bootstrap_servers
        if service in SERVICES:
            told[service]["DIPPER_HTTP_PORT"] = str(ports[number])
    told["ingest"]["DIPPER_INGEST_PORT"] = str(ports[-1])
    return told


@pytest.fixture
def containers(image: Image, settings: dict[str, dict[str, str]]) -> Iterator[dict[str, Container]]:
    """The services, started after `migrate` and ready."""
    migrated = image.run(["migrate"], settings["migrate"])
    assert migrated.returncode == 0, migrated.stderr
    started: dict[str, Container] = {}
    try:
        for service in SERVICES:
            started[service] = image.start(service, COMPOSE[service]["command"], settings[service])
        for container in started.values():
            container.wait_until_ready()
        yield started
    finally:
        for container in started.values():
            container.kill()


def place_secret(image: Image, inner: str, content: str) -> None:
    """A file of the volume `secrets`, which only Dipper's user can read."""
    file = image.root / inner.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    user, _, group = image.stage.last("USER").rest.partition(":")
    os.chown(file, int(user), int(group))
    file.chmod(0o400)


def test_the_last_stage_has_no_build_tools(image: Image) -> None:
    for tool in ("gcc", "cc", "make", "pip"):
        for folder in ("usr/bin", "usr/local/bin", "opt/dipper/bin"):
            assert not (image.root / folder / tool).exists()


def test_what_the_compiler_made_is_in_it(image: Image) -> None:
    assert list((image.root / "opt/dipper").rglob("services/nmea/_core*.so"))


def test_without_a_command_it_tells_its_commands(image: Image) -> None:
    told = image.run(image.stage.last("CMD").exec_form, {})
    assert told.returncode == 0, told.stderr
    assert "Usage: dipper" in told.stdout


async def test_a_replayed_capture_becomes_rows_and_every_service_stops_in_time(
    image: Image,
    settings: dict[str, dict[str, str]],
    containers: dict[str, Container],
    database: str,
) -> None:
    for service, container in containers.items():
        assert image.health(settings[service]).returncode == 0
        status = container.status()
        user = image.stage.last("USER").rest.partition(":")[0]
        assert set(status["Uid"].split()) == {user}
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert status["NoNewPrivs"] == "1"
        assert container.may_write() == []

    (capture,) = (f"/{file.relative_to(image.root)}" for file in image.root.rglob(CAPTURE))
    address = f"tcp://127.0.0.1:{settings['ingest']['DIPPER_INGEST_PORT']}"
    to = ["--to", address, "--terminal", TERMINAL]
    replayed = image.run(["replay", capture, "--speed", "max", "--ack", *to], {})
    assert replayed.returncode == 0, replayed.stderr
    decoded = image.run(["decode", capture, "--terminal", TERMINAL], {})
    sent = decoded.stdout.count("\n")

    async def stored_all() -> bool:
        found = await rows(database, "SELECT count(*) FROM fixes WHERE terminal = $1", TERMINAL)
        return bool(found == [(sent,)])

    assert sent > 0
    await until(stored_all, f"{sent} fixes in the database")
    ledger = image.run(["ledger", "--json"], settings["migrate"])
    assert json.loads(ledger.stdout)["balanced"] is True, ledger.stdout

    for service, container in containers.items():
        grace_s = float(COMPOSE[service]["stop_grace_period"].removesuffix("s"))
        assert container.stop(grace_s) == 0, container.said()
        assert image.health(settings[service]).returncode == 1
        print(f"{service} stopped in {container.stopped_in_s:.1f} s")
