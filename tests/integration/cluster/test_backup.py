"""docs/backup.md, command by command: a backup in mid-stream, restored elsewhere, loses nothing."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from services.tools.local_cluster import LocalCluster
from services.tools.local_pipeline import LocalPipeline
from tests.engines import timescaledb
from tests.engines.found import NotAvailableError
from tests.engines.timescaledb import Server
from tests.integration.cluster.asking import EVENTS, POSITIONS, rows, settled_ledger, until
from tests.integration.cluster.test_pipeline import BEIDOU, FLIGHT, replay, write_zones

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/backup.md").read_text(encoding="utf-8")
BACKUP, RESTORE, COPY, START = re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CLIENTS = ("pg_dump", "pg_dumpall", "pg_restore", "psql")


def client_programs(folder: Path) -> Path:
    """A directory for PATH with the engine's client programs and ``dipper``."""
    folder.mkdir()
    try:
        root = timescaledb.root()
    except NotAvailableError as error:
        pytest.skip(f"the engine is not of this machine: {error}")
    inside = "" if root == Path("/") else f"chroot {root} "
    for name in CLIENTS:
        program = timescaledb.PROGRAMS / name
        (folder / name).write_text(f'#!/bin/sh\nexec {inside}{program} "$@"\n')
    (folder / "dipper").write_text(f'#!/bin/sh\nexec {sys.executable} -m services.cli "$@"\n')
    for file in folder.iterdir():
        file.chmod(0o755)
    return folder


async def shell(block: str, folder: Path, programs: Path, settings: Mapping[str, str]) -> None:
    """The commands of a block; each must succeed."""
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *["bash", "-euc", block],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def count(dsn: str) -> int:
    return int((await rows(dsn, "SELECT count(*) FROM positions"))[0][0])


async def test_a_backup_in_mid_stream_restored_on_a_new_server_goes_on_without_loss(
    cluster: LocalCluster, timescaledb_server: Server, tmp_path: Path
) -> None:
    programs = client_programs(tmp_path / "bin")
    code, _, talk = await cluster.dipper("zones", "load", str(write_zones(tmp_path)))
    assert code == 0, talk
    await cluster.start_all()
    store = cluster.members[2]
    sending = asyncio.create_task(replay(cluster, cluster.tcp, FLIGHT, "PLANE-1"))
    await until(lambda: _at_least(cluster.dsn, 100), "some rows", cluster)
    await shell(BACKUP, tmp_path, programs, cluster.environment)
    await sending
    await replay(cluster, cluster.tcp, BEIDOU, "BOAT-1")
    await settled_ledger(cluster)
    undisturbed = await rows(cluster.dsn, POSITIONS), await rows(cluster.dsn, EVENTS)
    await store.stop()
    cluster.members.remove(store)

    new = timescaledb_server.dsn
    await shell(RESTORE, tmp_path, programs, {**cluster.environment, "NEW_DSN": new})
    restored = await count(new)
    assert 100 <= restored < len(undisturbed[0]), "the backup is of the middle"
    cluster.environment["DIPPER_DSN"] = cluster.dsn = new
    await cluster.start_all(["store"])
    ledger = await settled_ledger(cluster)
    assert (await rows(new, POSITIONS), await rows(new, EVENTS)) == undisturbed
    assert undisturbed[1]
    assert ledger["fixes"]["stored"] == len(undisturbed[0])
    readers = await rows(new, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'dipper\\_%'")
    assert {name for (name,) in readers} >= {"dipper_analyst", "dipper_auditor", "dipper_operator"}


async def _at_least(dsn: str, wanted: int) -> bool:
    return await count(dsn) >= wanted


async def test_a_copied_data_directory_goes_on_where_the_copy_was_made(tmp_path: Path) -> None:
    zones = write_zones(tmp_path)
    assert "dipper up --data-dir dipper-data" in START
    async with LocalPipeline(tmp_path / "dipper-data", zones) as first:
        await replay_to(first, FLIGHT, "PLANE-1")
    await shell(COPY, tmp_path, tmp_path, {})
    async with LocalPipeline(tmp_path / "dipper-data", zones) as first:
        await replay_to(first, BEIDOU, "BOAT-1")
        undisturbed = await settled_rows(first)
    shutil.rmtree(tmp_path / "dipper-data")
    await shell(START.splitlines()[0], tmp_path, tmp_path, {})
    async with LocalPipeline(tmp_path / "dipper-data", zones) as second:
        await replay_to(second, BEIDOU, "BOAT-1")
        assert await settled_rows(second) == undisturbed
        assert undisturbed[0]
        assert undisturbed[1]


async def replay_to(pipeline: LocalPipeline, capture: Path, terminal: str) -> None:
    one = LocalCluster(pipeline.data_dir, "", "")
    one.environment = {}
    await replay(one, pipeline.endpoints.tcp, capture, terminal)


async def settled_rows(pipeline: LocalPipeline) -> tuple[object, object]:
    seen: list[dict[str, Any]] = [{}]

    async def is_settled() -> bool:
        seen.append(await pipeline.ledger())
        ledger = seen[-1]
        calm = ledger == seen[-2] and ledger["fixes"]["in_flight"] == 0
        return calm and bool(ledger["balanced"])

    await until(is_settled, "a balanced ledger with nothing in flight")
    dsn = pipeline.endpoints.dsn
    return await rows(dsn, POSITIONS), await rows(dsn, EVENTS)
