"""The list of terminals as its users meet it: loaded, changed and looked at while all runs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

from services.tools.local_pipeline import LocalPipeline
from services.tools.replay import ReplayError, ReplayOptions
from services.tools.replay import replay as send
from tests.certificates import Authority

CAPTURE = Path(__file__).parents[1] / "captures/gpsd/quectel-l76k-nmea.log"
TOKEN = "9hLqkz3vE0bUu2Ff6dYwXj8mRtPa1sCk"
CSV = f"name,kind,class,token\nTRUCK-7,vehicle,heavy,{TOKEN}\nSHIP-1,ship,tanker,\n"
PATIENCE_S = 30.0
AFTER_ALL = [
    ("ANY-1", None, None, False),
    ("SHIP-1", "station", None, True),
    ("SHIP-2", "ship", None, True),
    ("TRUCK-7", "vehicle", "heavy", False),
]
"""The table once the test is through: who came in, and who was listed."""


class Finished(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    talk: str


async def dipper(*arguments: str | Path, **settings: str) -> Finished:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.cli",
        *map(str, arguments),
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, talk = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), talk.decode())


async def replay(address: str, terminal: str | None = None, **options: str) -> str:
    """Empty, or why it failed."""
    wanted = ReplayOptions((str(CAPTURE),), address, terminal, speed=None, ack=True)
    try:
        await send(replace(wanted, **options))  # type: ignore[arg-type]
    except ReplayError as error:
        return str(error)
    return ""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
async def pipeline(tmp_path: Path, authority: Authority) -> AsyncIterator[LocalPipeline]:
    """With plaintext, TLS, and an audit log in a file."""
    server = authority.server()
    settings = {
        "DIPPER_INGEST_TLS_HOST": "127.0.0.1",
        "DIPPER_INGEST_TLS_PORT": "0",
        "DIPPER_INGEST_TLS_CERTIFICATE_FILE": server.certificate,
        "DIPPER_INGEST_TLS_KEY_FILE": server.key,
        "DIPPER_INGEST_TLS_CLIENT_CA_FILE": authority.file,
        "DIPPER_INGEST_TLS_CLIENT_CERTIFICATES": "optional",
        "DIPPER_INGEST_TERMINAL_REFRESH_S": "0.05",
        "DIPPER_AUDIT_LOG": str(tmp_path / "audit.jsonl"),
    }
    async with LocalPipeline(tmp_path / "data", settings=settings) as running:
        yield running


async def listed(pipeline: LocalPipeline, terminals: int) -> None:
    """Wait until that many terminals are on ingest's list."""
    async with asyncio.timeout(PATIENCE_S):
        shown = f"dipper_terminals_listed {terminals}.0"
        while shown not in (await pipeline.get("/metrics") or ""):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def rows(pipeline: LocalPipeline, query: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(pipeline.endpoints.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_a_list_that_is_loaded_while_all_runs_decides_who_comes_in(
    pipeline: LocalPipeline, authority: Authority, tmp_path: Path
) -> None:
    plain, safe = f"tcp://{pipeline.endpoints.tcp}", f"tls://{pipeline.endpoints.tls}"
    audit = {"DIPPER_AUDIT_LOG": str(tmp_path / "audit.jsonl")}
    data = ("--data-dir", str(pipeline.data_dir))
    file = tmp_path / "terminals.csv"
    file.write_text(CSV)
    assert await replay(plain, "ANY-1") == ""

    loaded = await dipper("terminals", "load", file, *data, **audit)
    assert (loaded.code, loaded.talk) == (0, "terminals: 2 added, 0 changed, 0 as they were\n")
    await listed(pipeline, 2)
    refused = await asyncio.gather(
        replay(plain, "ANY-1"),
        replay(plain, "TRUCK-7", token="guess"),
        replay(plain, "TRUCK-7"),
    )
    assert len(set(refused)) == 1
    assert "the terminal is not on the server's list, or its token is wrong" in refused[0]
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    pair = authority.terminal("TRUCK-7")
    assert await replay(plain, "SHIP-1") == ""
    assert await replay(plain, "TRUCK-7", token_file=str(token)) == ""
    assert await replay(safe, "TRUCK-7", token=TOKEN, ca=authority.file) == ""
    assert await replay(safe, ca=authority.file, cert=pair.certificate, key=pair.key) == ""

    file.write_text("name,kind,class\nSHIP-1,station,\nSHIP-2,ship,\n")
    replaced = await dipper("terminals", "load", file, "--replace", *data, **audit)
    assert replaced.talk == "terminals: 1 added, 1 changed, 1 removed, 0 as they were\n"
    async with asyncio.timeout(PATIENCE_S):
        while not await replay(plain, "TRUCK-7", token=TOKEN):
            pass
    shown = await dipper("terminals", "list", *data)
    assert [line.split()[1] for line in shown.out.splitlines() if "SHIP" in line] == [
        "SHIP-1",
        "SHIP-2",
    ]
    async with asyncio.timeout(PATIENCE_S):
        query = "SELECT name, kind, class, listed FROM terminals ORDER BY 1"
        while await rows(pipeline, query) != AFTER_ALL:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    _check_what_is_kept(pipeline.data_dir, tmp_path / "audit.jsonl")


def _check_what_is_kept(data_dir: Path, audit: Path) -> None:
    """No file of Dipper's holds the token, and the audit log tells the whole story."""
    holding = [
        file
        for file in data_dir.rglob("*")
        if file.is_file() and TOKEN.encode() in file.read_bytes()
    ]
    assert holding == []
    records = [json.loads(line) for line in audit.read_text().splitlines()]
    assert TOKEN not in audit.read_text()
    told = [(one["action"], one["outcome"], one["who"]) for one in records]
    for expected in (
        ("login", "accepted", "ANY-1"),
        ("login", "refused", "ANY-1"),
        ("login", "refused", "TRUCK-7"),
        ("login", "accepted", "TRUCK-7"),
        ("certificate", "accepted", "TRUCK-7"),
    ):
        assert expected in told
    changes = [one for one in records if one["action"] == "terminals load"]
    assert [(one["added"], one["changed"], one["removed"]) for one in changes] == [
        (2, 0, 0),
        (1, 1, 1),
    ]


async def test_a_wrong_file_is_told_with_its_lines_and_changes_nothing(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    good, wrong = tmp_path / "good.csv", tmp_path / "wrong.csv"
    good.write_text(CSV)
    wrong.write_text("name,kind,token\nNEW-1,car,x\nNEW 2,,\nNEW-3,ship,hu*sh\n")
    assert (await dipper("terminals", "load", good, *data)).code == 0
    done = await dipper("terminals", "load", good, wrong, "--replace", *data)
    assert done.code == 1
    assert [line.partition(":")[0] for line in done.talk.splitlines()] == [
        f"{wrong}, line 2",
        f"{wrong}, line 3",
        f"{wrong}, line 4",
    ]
    assert "sh*" not in done.talk
    shown = await dipper("terminals", "list", *data)
    assert "TRUCK-7" in shown.out
    assert "NEW" not in shown.out


async def test_removing_one_that_is_not_listed_changes_nothing_and_a_listed_one_goes(
    tmp_path: Path,
) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    none = await dipper("terminals", "list", *data)
    assert (none.code, none.out) == (1, "")
    assert "there is no log in" in none.talk
    file = tmp_path / "t.csv"
    file.write_text(CSV)
    await dipper("terminals", "load", file, *data)
    wrong = await dipper("terminals", "remove", "SHIP-1", "GHOST-1", *data)
    assert wrong.code == 1
    assert "'GHOST-1'" in wrong.talk
    assert (await dipper("terminals", "remove", "SHIP-1", *data)).code == 0
