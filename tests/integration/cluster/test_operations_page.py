"""Every command of docs/operations.md does what the page says."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.runtime.settings import PREFIX, Settings
from services.tools.local_cluster import LocalCluster
from services.tools.local_member import Member
from tests.engines.found import free_ports
from tests.engines.kafka import Cluster
from tests.integration.cluster.asking import settled_ledger

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/operations.md").read_text()
BLOCKS = re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
START, USE, *_ = BLOCKS
PORTS = ("9110", "9111", "9112", "10110")
SERVICES = ("ingest", "enrich", "store")


def test_every_variable_on_the_page_is_a_setting() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    named = set(re.findall(r"\bDIPPER_[A-Z_]*[A-Z]\b", PAGE)) - {"DIPPER_KAKFA_USERNAME"}
    assert named
    assert named <= known


def test_every_setting_of_kafka_and_the_database_is_on_the_page() -> None:
    names = [name for name in Settings.model_fields if name.startswith(("kafka_", "dsn"))]
    assert [name for name in names if PREFIX + name.upper() not in PAGE] == []


def test_the_wrong_settings_shown_are_told_as_shown() -> None:
    (shown,) = (block for block in BLOCKS if block.startswith("dipper: "))
    settings = {
        "DIPPER_KAFKA_SERVERS": "broker",
        "DIPPER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "DIPPER_KAFKA_USERNAME": "dipper",
        "DIPPER_KAKFA_USERNAME": "dipper",
    }
    assert dipper(["enrich"], settings, ROOT).stderr == shown


async def test_the_services_start_by_the_commands_shown_and_store_what_is_replayed(
    kafka_cluster: Cluster, database: str, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "services/tools/data/wenzhou_zones.geojson", tmp_path / "zones.geojson")
    shutil.copy(ROOT / "tests/captures/gpsd/quectel-l76k-nmea.log", tmp_path / "ship.nmea")
    free = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    page = LocalCluster(tmp_path, "", "")
    # Without its defaults for tests: what counts is what the page says.
    page.environment = {
        **exported(),
        "DIPPER_KAFKA_SERVERS": kafka_cluster.bootstrap_servers,
        "DIPPER_DSN": database,
        "DIPPER_HTTP_PORT": free["9110"],
        "DIPPER_INGEST_PORT": free["10110"],
    }
    async with page:
        for words in commands(START, free):
            settings = dict(word.split("=") for word in words[: words.index("dipper")])
            command = words[words.index("dipper") + 1 :]
            if command[0] in SERVICES:
                await page.start(command[0], settings)
            else:
                done = dipper(command, page.environment, tmp_path)
                assert done.returncode == 0, done.stderr
        assert [member.service for member in page.members] == list(SERVICES)
        for member in page.members:
            await member.ready()
        replay, ledger, zones = (words[1:] for words in commands(USE, free))
        assert dipper(replay, page.environment, tmp_path).returncode == 0
        assert (await settled_ledger(page))["fixes"]["stored"] > 0
        assert "Balanced." in dipper(ledger, page.environment, tmp_path).stdout
        assert dipper(zones, page.environment, tmp_path).returncode == 0
        assert await health(page.members[2]) == {"log": "ok", "database": "ok"}
        assert page.members[2].http == f"127.0.0.1:{free['9112']}"


async def health(member: Member) -> Mapping[str, str]:
    """The checks of /readyz."""
    checks: Mapping[str, str] = json.loads(await member.get("/readyz") or "{}")["checks"]
    return checks


def exported() -> dict[str, str]:
    """Names and values of the page's export lines."""
    lines = [line.split(maxsplit=1)[1] for line in START.splitlines() if line.startswith("export")]
    return dict(line.split("=", 1) for line in lines)


def commands(block: str, ports: Mapping[str, str]) -> list[list[str]]:
    """Commands of a block in words, on ports that are free."""
    for port, other in ports.items():
        block = re.sub(rf"\b{port}\b", other, block)
    found = [shlex.split(line) for line in block.splitlines()]
    return [words for words in found if "dipper" in words]


def dipper(
    words: list[str], settings: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.cli", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), **settings},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("service", SERVICES)
def test_the_page_names_each_service(service: str) -> None:
    assert f"dipper {service}" in START
