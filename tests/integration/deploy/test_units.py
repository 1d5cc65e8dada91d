"""systemd itself runs Dipper by the units of deploy/systemd: part of `make image-check`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.fixtures import without
from tests.engines.found import NotAvailableError, free_ports
from tests.engines.kafka import Cluster
from tests.integration.cluster.asking import until
from tests.integration.deploy.container import Image
from tests.integration.deploy.machine import Machine, install, write_secret
from tests.integration.deploy.root_folder import copy_of_base
from tests.integration.deploy.test_image import CAPTURE, TERMINAL

pytestmark = pytest.mark.image

UNITS = Path(__file__).parents[3] / "deploy/systemd"


@pytest.fixture
def machine(image: Image, tmp_path: Path) -> Iterator[Machine]:
    """A machine on which Dipper is installed and nothing of it runs."""
    root = image.output / tmp_path.name
    try:
        copy_of_base(root, "systemd", "dbus", "libnss-systemd")
        install(root, image.root / "opt/dipper", UNITS)
        with Machine(root, tmp_path) as machine:
            yield machine
    except NotAvailableError as error:
        without("systemd", error)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def settings(machine: Machine, told: dict[str, str]) -> None:
    """Write /etc/dipper/dipper.env."""
    text = "".join(f"{name}={value}\n" for name, value in told.items())
    (machine.root / "etc/dipper/dipper.env").write_text(text)


async def ready(machine: Machine, *ports: int) -> None:
    """Wait until all these HTTP ports say so, by the image's own check."""
    check = (Path(__file__).parents[3] / "deploy/docker/healthcheck.py").read_text()

    async def answers() -> bool:
        return all(
            machine.do(
                "env", f"DIPPER_HTTP_PORT={port}", "python3", "-c", check, "/readyz"
            ).returncode == 0
            for port in ports
        )  # fmt: skip

    try:
        await until(answers, f"services ready on {ports}")
    except AssertionError as error:
        raise AssertionError(f"{error}: {machine.journal()}") from None


def replay(machine: Machine, port: int) -> None:
    """Send the capture from the machine to itself."""
    (capture,) = (machine.root / "opt/dipper").rglob(CAPTURE)
    inner = f"/{capture.relative_to(machine.root)}"
    to = ["--to", f"tcp://127.0.0.1:{port}", "--terminal", TERMINAL]
    machine.must("dipper", "replay", inner, "--speed", "max", "--ack", *to)


def is_complete(said: str) -> bool:
    """Whether a ledger as JSON balances and has fixes."""
    ledger = json.loads(said)
    return bool(ledger["balanced"] and ledger["fixes"]["stored"])


def check_rights(machine: Machine, unit: str) -> None:
    """The process is nobody who was there before, and may nothing."""
    pid = machine.show(unit, "MainPID")
    lines = machine.must("cat", f"/proc/{pid}/status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert int(status["Uid"].split()[0]) >= 61_184, "DynamicUser takes ids from there on"
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


async def test_one_process_stores_a_capture_and_comes_back_after_kill_9(machine: Machine) -> None:
    tcp, http = free_ports(2)
    settings(machine, {"DIPPER_INGEST_PORT": str(tcp), "DIPPER_HTTP_PORT": str(http)})
    unit = "dipper-up.service"
    machine.must("systemctl", "start", unit)
    await ready(machine, http)
    check_rights(machine, unit)
    replay(machine, tcp)
    machine.must("systemctl", "kill", "--kill-whom=main", "--signal=KILL", unit)

    async def is_back() -> bool:
        return machine.show(unit, "NRestarts") == "1"

    await until(is_back, "a second start")
    await ready(machine, http)

    async def is_stored() -> bool:
        said = machine.do("dipper", "ledger", "--data-dir", "/var/lib/dipper", "--json").stdout
        return bool(said) and is_complete(said)

    await until(is_stored, "a balanced ledger")
    machine.must("systemctl", "stop", unit)
    assert machine.show(unit, "Result") == "success"


async def test_three_services_read_their_secret_and_stop_in_order(
    machine: Machine, kafka_cluster: Cluster, database: str
) -> None:
    tcp, *http = free_ports(4)
    told = {
        "DIPPER_KAFKA_SERVERS": kafka_cluster.bootstrap_servers,
        "DIPPER_INGEST_PORT": str(tcp),
    }
    settings(machine, told)
    write_secret(machine.root / "etc/dipper/dsn", database)
    machine.must("systemctl", "start", "dipper-migrate")
    names = [
        f"dipper-{service}@{port}.service"
        for service, port in zip(("ingest", "enrich", "store"), http, strict=True)
    ]
    machine.must("systemctl", "start", *names)
    await ready(machine, *http)
    for unit in names:
        check_rights(machine, unit)
    replay(machine, tcp)

    async def is_stored() -> bool:
        said = machine.do("env", f"DIPPER_DSN={database}", "dipper", "ledger", "--json").stdout
        return is_complete(said)

    await until(is_stored, "a balanced ledger")
    machine.must("systemctl", "stop", *names)
    assert {machine.show(unit, "Result") for unit in names} == {"success"}
