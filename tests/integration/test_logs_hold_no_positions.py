"""However much it is told to tell, no process writes down where a terminal is."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import asyncpg
import pytest

from services.tools.local_pipeline import LocalPipeline
from tests.integration.test_up import BEIDOU, dipper, replay, settled_ledger

PRECISE = re.compile(r"(?<![\d.])(\d+\.\d{2,})(?![\d.])")
RAW = re.compile(r"[$!][A-Z][A-Z0-9]{3,6},[^…\s]")
REFUSED = (
    "INSERT INTO positions (time, terminal_id, lat, lon, fix, late) "
    "VALUES (now(), 1, 91.234567, 120.765432, 1, false)"
)


def whereabouts(captured: str) -> set[float]:
    """Latitudes and longitudes of a decoding, in degrees and as NMEA writes them."""
    degrees = {
        abs(value)
        for line in captured.splitlines()
        for value in (json.loads(line)["lat"], json.loads(line)["lon"])
        if value is not None
    }
    return degrees | {int(one) * 100 + one % 1 * 60 for one in degrees}


def told(data_dir: Path) -> str:
    """All that the process and its database server have written down for people."""
    files = [file for file in data_dir.rglob("*.log") if "pg_" not in str(file)]
    assert len(files) >= 2, "the process's log and the database's"
    return "\n".join(file.read_text(errors="replace") for file in files)


async def send_rubbish(pipeline: LocalPipeline) -> None:
    """The capture's sentences with all that can be wrong with them."""
    host, port = pipeline.endpoints.tcp.split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    capture = BEIDOU.read_bytes().splitlines()[:40]
    for line in capture:
        writer.write(line.replace(b"*", b"9*") + b"\r\n" + line[1:] + b"\r\n" + line * 20 + b"\r\n")
    writer.write_eof()
    await writer.drain()
    writer.close()


async def test_the_most_verbose_log_of_a_pipeline_holds_no_position_and_no_sentence(
    tmp_path: Path,
) -> None:
    decoded = await dipper("decode", BEIDOU, "--terminal", "T-1")
    places = whereabouts(decoded.out)
    assert places
    settings = {"DIPPER_LOG_LEVEL": "debug", "DIPPER_RETENTION_REJECTS_DAYS": "1"}
    async with LocalPipeline(tmp_path / "data", settings=settings) as pipeline:
        done = await replay(pipeline, BEIDOU, "--terminal", "T-1", "--speed", "max", "--ack")
        assert done.code == 0, done.talk
        await send_rubbish(pipeline)
        await settled_ledger(pipeline)
        connection = await asyncpg.connect(pipeline.endpoints.dsn)
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(REFUSED)
        await connection.close()
    said = told(pipeline.data_dir)
    assert "ready: " in said
    assert "violates check constraint" in said
    assert "91.23" not in said
    assert not RAW.findall(said)
    precise = [float(number) for number in PRECISE.findall(said)]
    assert [one for one in precise if any(abs(one - place) < 0.05 for place in places)] == []
