"""The engines that the tests provision are what they claim to be."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.engines import found
from tests.engines.found import NotAvailableError, Process, free_ports, run


async def test_the_database_is_timescaledb(timescaledb_dsn: str) -> None:
    connection = await asyncpg.connect(timescaledb_dsn)
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        await connection.execute("CREATE TABLE engine_probe (time timestamptz NOT NULL, x int)")
        await connection.execute("SELECT create_hypertable('engine_probe', by_range('time'))")
        await connection.execute("INSERT INTO engine_probe VALUES (now(), 7)")
        assert await connection.fetchval("SELECT x FROM engine_probe") == 7
    finally:
        await connection.execute("DROP TABLE IF EXISTS engine_probe")
        await connection.close()


def test_free_ports_are_different() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5


def test_a_port_that_somebody_listens_on_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(found, "SERVER_PORTS", (port - 4, port + 5))
        assert all(port not in free_ports(1) for _ in range(200))


def test_a_command_that_fails_says_what_it_said() -> None:
    with pytest.raises(NotAvailableError, match=r"(?s)trying failed.*no such luck"):
        run([sys.executable, "-c", "raise SystemExit('no such luck')"], what="trying")


def test_a_server_that_ends_at_once_is_reported_with_its_output(tmp_path: Path) -> None:
    process = Process([sys.executable, "-c", "print('wrong setting')"], tmp_path / "output")
    with pytest.raises(NotAvailableError, match="wrong setting"):
        process.wait_until(lambda: False, "the server")


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    starter = (
        "import sys, pathlib\n"
        "from tests.engines.found import Process\n"
        "p = Process(['sleep', '600'], pathlib.Path(sys.argv[1]))\n"
        "print(p.pid, flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", starter, str(tmp_path / "output")],
        stdout=subprocess.PIPE,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    state = Path(f"/proc/{int(done.stdout)}/stat")
    for _ in range(1_000):
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
    raise AssertionError("the server outlived the process that started it")
