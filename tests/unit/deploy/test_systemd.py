"""deploy/systemd fits systemd, the settings, and the command line."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from services import cli
from services.runtime.settings import load_settings
from tests.unit.deploy.settings_of import STOP_S, default, service_starts_with, unknown
from tests.unit.deploy.units import (
    FOLDER,
    UNITS,
    environment,
    environment_file,
    installed,
    one,
    parse,
    seconds,
)

SERVICES = {name: unit for name, unit in UNITS.items() if "@" in name}
LASTING = {name: unit for name, unit in UNITS.items() if name != "dipper-migrate.service"}
LISTENING = ("dipper-up.service", "dipper-ingest@.service")
EXPOSURE_AT_MOST = 20
"""Of 100, as `systemd-analyze security` counts: an ordinary unit has over 90."""


def commands(name: str) -> list[str]:
    """The words of ExecStart."""
    return one(UNITS[name], "Service", "ExecStart").split()


def test_there_is_a_unit_for_one_process_and_for_each_service() -> None:
    assert set(UNITS) == {
        "dipper-up.service",
        "dipper-migrate.service",
        "dipper-ingest@.service",
        "dipper-enrich@.service",
        "dipper-store@.service",
    }


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_runs_a_command_that_dipper_has(name: str) -> None:
    program, command, *arguments = commands(name)
    assert program == "/opt/dipper/bin/dipper"
    cli.main.commands[command].make_context(command, arguments)


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_runs_the_command_of_its_name(name: str) -> None:
    assert commands(name)[1] == re.split(r"[-@.]", name)[1]


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.name)
def test_every_variable_is_a_setting(file: Path) -> None:
    assert unknown(file.read_text()) == set()


@pytest.mark.parametrize("name", [*SERVICES, "dipper-migrate.service"])
def test_a_service_starts_with_what_it_is_told(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = environment(UNITS[name], "9112", str(tmp_path))
    settings = service_starts_with(commands(name)[1], told, monkeypatch, tmp_path)
    if name in SERVICES:
        assert settings.http_port == 9112


def test_up_needs_no_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert one(UNITS["dipper-up.service"], "Service", "EnvironmentFile").startswith("-")
    monkeypatch.chdir(tmp_path)
    assert load_settings().ingest_host == "127.0.0.1"


@pytest.mark.parametrize("name", UNITS)
def test_the_databases_address_is_a_credential_of_what_writes_to_it_alone(name: str) -> None:
    service = UNITS[name]["Service"]
    writes = commands(name)[1] in ("store", "migrate")
    assert service["LoadCredential"] == (["dsn:/etc/dipper/dsn"] if writes else [])
    assert ("DIPPER_DSN_FILE=%d/dsn" in service["Environment"]) is writes


def test_the_example_settings_hold_no_secret_and_open_no_port_to_others() -> None:
    told = environment_file()
    assert [name for name in told if re.search("PASSWORD|DSN|TOKEN", name)] == []
    assert "DIPPER_INGEST_HOST" not in told
    assert "DIPPER_HTTP_HOST" not in told
    assert told["DIPPER_INGEST_PORT"] == str(default("ingest_port"))


@pytest.mark.parametrize("name", LISTENING)
def test_what_listens_may_open_as_many_files_as_it_takes_connections(name: str) -> None:
    connections = default("ingest_max_connections")
    assert isinstance(connections, int)
    assert int(one(UNITS[name], "Service", "LimitNOFILE")) >= connections + 1_000


@pytest.mark.parametrize("name", LASTING)
def test_a_unit_has_longer_to_stop_than_it_takes_and_starts_again_after_a_failure(
    name: str,
) -> None:
    unit = UNITS[name]
    assert seconds(one(unit, "Service", "TimeoutStopSec")) >= 2 * STOP_S
    assert one(unit, "Service", "Restart") == "on-failure"
    assert one(unit, "Unit", "StartLimitIntervalSec") == "0"


def test_up_keeps_its_data_where_systemd_lets_it_write() -> None:
    unit = UNITS["dipper-up.service"]
    assert commands("dipper-up.service")[3] == (
        f"/var/lib/{one(unit, 'Service', 'StateDirectory')}"
    )


HARDENING = {
    "DynamicUser": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
}


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_may_do_little(name: str) -> None:
    assert {key: one(UNITS[name], "Service", key) for key in HARDENING} == HARDENING


def test_a_line_that_is_no_directive_is_refused() -> None:
    with pytest.raises(ValueError, match="no directive"):
        parse("[Service]\nExecStart /bin/true\n")


@pytest.fixture
def analyze() -> str:
    """systemd-analyze of at least version 250, which checks files without a running systemd."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed: Debian's package systemd has it")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    found = re.match(r"systemd (\d+)", said.stdout)
    if found is None or int(found[1]) < 250:
        pytest.skip(f"systemd-analyze is too old: {said.stdout.splitlines()[0]}")
    return program


def test_systemd_understands_every_line(analyze: str, tmp_path: Path) -> None:
    for file in installed(tmp_path):
        done = run(analyze, "verify", "--man=no", "--recursive-errors=no", str(file))
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), file.name


def test_systemd_finds_little_to_attack(analyze: str, tmp_path: Path) -> None:
    for file in installed(tmp_path):
        threshold = f"--threshold={EXPOSURE_AT_MOST}"
        done = run(analyze, "security", "--offline=true", threshold, str(file))
        assert done.returncode == 0, done.stdout[-300:]


def test_systemd_refuses_what_it_does_not_know(analyze: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.service"
    wrong.write_text("[Service]\nExecStart=/bin/true\nProtectSytem=strict\n")
    assert "ProtectSytem" in run(analyze, "verify", "--man=no", str(wrong)).stderr


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
