"""The whole pipeline in one process: from a TCP socket to a database row, and through crashes."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import pytest

from services.nmea.checksum import checksum
from services.tools.local_pipeline import LocalPipeline

CAPTURES = Path(__file__).parents[1] / "captures"
ZONES = Path(__file__).parents[2] / "services/tools/data/wenzhou_zones.geojson"
FLIGHT = CAPTURES / "aerorust-nmea/nmea1.log"
BEIDOU = CAPTURES / "gpsd/quectel-l76k-nmea.log"

AIRSPACE = b"""{"type": "FeatureCollection", "features": [
 {"type": "Feature", "id": "airspace", "properties": {"kind": "restricted", "radius": 800},
  "geometry": {"type": "Point", "coordinates": [%f, %f]}},
 {"type": "Feature", "id": "harbour", "properties": {"kind": "port", "radius": 500},
  "geometry": {"type": "Point", "coordinates": [-122.3264, 47.662]}}]}"""


class Finished:
    """A command that has ended."""

    def __init__(self, code: int, out: bytes, talk: bytes) -> None:
        self.code, self.out, self.talk = code, out.decode(), talk.decode()


async def dipper(*arguments: str | Path) -> Finished:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.cli",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, talk = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    return Finished(process.returncode, out, talk)


async def replay(pipeline: LocalPipeline, *arguments: str | Path) -> Finished:
    return await dipper("replay", *arguments, "--to", f"tcp://{pipeline.endpoints.tcp}")


async def rows(pipeline: LocalPipeline, query: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(pipeline.endpoints.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def settled_ledger(pipeline: LocalPipeline) -> dict[str, dict[str, object]]:
    """The ledger once nothing is on its way any more."""
    before: dict[str, dict[str, object]] = {}
    for _ in range(100):
        shown = await dipper("ledger", "--json", "--data-dir", pipeline.data_dir)
        ledger: dict[str, dict[str, object]] = json.loads(shown.out)
        if ledger["fixes"]["in_flight"] == 0 and ledger["balanced"] and ledger == before:
            return ledger
        before = ledger
        await asyncio.sleep(0.2)
    raise AssertionError(f"never settled: {before}")


async def kill(pipeline: LocalPipeline) -> None:
    os.kill(pipeline.pid, signal.SIGKILL)
    await pipeline.stop()


async def send_cut_at_random(
    pipeline: LocalPipeline, capture: bytes, terminal: str, cuts: random.Random
) -> None:
    """Log in and send, in pieces that the server reads one by one; returns at its last word."""
    host, port = pipeline.endpoints.tcp.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    login = f"PDPR,LOGIN,{terminal},"
    data = b"$%s*%02X\r\n" % (login.encode(), checksum(login.encode())) + capture
    place = 0
    while place < len(data):
        size = cuts.choice((1, 2, 7, 60, 700))
        writer.write(data[place : place + size])
        await writer.drain()
        await asyncio.sleep(0)
        place += size
    writer.write_eof()
    assert await reader.read() == b"$PDPR,OK*3E\r\n"
    writer.close()


TINY_BATCHES = {f"DIPPER_{service}_LINGER_S": "0.0001" for service in ("INGEST", "ENRICH", "STORE")}
POSITIONS = "SELECT * FROM fixes ORDER BY terminal, time"
EVENTS = "SELECT * FROM zone_crossings ORDER BY id"


@pytest.fixture
def zones(tmp_path: Path) -> Path:
    """A zone that the flight of the capture enters and leaves."""
    file = tmp_path / "airspace.geojson"
    file.write_bytes(AIRSPACE % (38.893, 55.070))
    return file


async def outcome(data: Path, zones: Path, *replays: Sequence[str | Path]) -> tuple[object, object]:
    async with LocalPipeline(data, zones) as pipeline:
        for arguments in replays:
            done = await replay(pipeline, *arguments)
            assert done.code == 0, done.talk
        ledger = await settled_ledger(pipeline)
        assert ledger["balanced"]
        return await rows(pipeline, POSITIONS), await rows(pipeline, EVENTS)


async def test_a_capture_becomes_the_rows_that_decode_and_events_show(
    tmp_path: Path, zones: Path
) -> None:
    decoded = (await dipper("decode", FLIGHT, "--terminal", "PLANE-1")).out.splitlines()
    events = (
        await dipper("events", FLIGHT, "--terminal", "PLANE-1", "--zones", zones)
    ).out.splitlines()
    fixes = {json.loads(line)["time"] for line in decoded}
    async with LocalPipeline(tmp_path / "data", zones) as pipeline:
        done = await replay(pipeline, FLIGHT, "--terminal", "PLANE-1", "--speed", "max", "--ack")
        assert done.code == 0, done.talk
        ledger = await settled_ledger(pipeline)
        stored = await rows(pipeline, "SELECT count(*) FROM positions")
        ids = await rows(pipeline, "SELECT replace(id::text, '-', '') FROM zone_events")
    assert stored == [(len(fixes - {None}),)]
    assert ledger["fixes"]["stored"] == len(fixes - {None})
    assert {row[0] for row in ids} == {json.loads(line)["id"] for line in events}
    assert events


async def test_speed_batch_sizes_and_random_cuts_do_not_show_in_the_rows(
    tmp_path: Path, zones: Path
) -> None:
    """The same capture at two speeds, and in pieces of random size through tiny batches."""
    fast = await outcome(
        tmp_path / "fast", zones, [BEIDOU, "--terminal", "T-1", "--speed", "max", "--ack"]
    )
    paced = await outcome(
        tmp_path / "paced", zones, [BEIDOU, "--terminal", "T-1", "--speed", "20", "--ack"]
    )
    async with LocalPipeline(tmp_path / "cut", zones, TINY_BATCHES) as pipeline:
        await send_cut_at_random(pipeline, BEIDOU.read_bytes(), "T-1", random.Random(7))
        await settled_ledger(pipeline)
        cut = await rows(pipeline, POSITIONS), await rows(pipeline, EVENTS)
    assert fast == paced
    assert fast == cut
    assert fast[0]
    assert fast[1]


async def test_a_second_replay_changes_no_row_and_the_ledger_balances(
    tmp_path: Path, zones: Path
) -> None:
    command = [FLIGHT, "--terminal", "PLANE-1", "--speed", "max", "--ack"]
    once = await outcome(tmp_path / "once", zones, command)
    twice = await outcome(tmp_path / "twice", zones, command, command)
    assert once == twice


async def test_kill_9_in_mid_replay_loses_nothing_acknowledged_and_doubles_nothing(
    tmp_path: Path, zones: Path
) -> None:
    command = [FLIGHT, "--terminal", "PLANE-1", "--speed", "max", "--ack"]
    undisturbed = await outcome(tmp_path / "undisturbed", zones, command)
    data = tmp_path / "killed"
    async with LocalPipeline(data, zones) as pipeline:
        paced = [FLIGHT, "--terminal", "PLANE-1", "--speed", "200", "--ack", "--retry-for", "0"]
        cut = asyncio.create_task(replay(pipeline, *paced))
        while not await rows(pipeline, "SELECT 1 FROM positions OFFSET 200 LIMIT 1"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await kill(pipeline)
        assert (await cut).code == 1
    assert await outcome(data, zones, command) == undisturbed


async def test_sigterm_stops_within_five_seconds_with_everything_read_durable(
    tmp_path: Path, zones: Path
) -> None:
    data = tmp_path / "data"
    async with LocalPipeline(data, zones) as pipeline:
        done = await replay(pipeline, FLIGHT, "--terminal", "PLANE-1", "--speed", "max")
        assert done.code == 0, done.talk
        assert await pipeline.stop() < 5
    async with LocalPipeline(data, zones) as pipeline:
        ledger = await settled_ledger(pipeline)
        stored = await rows(pipeline, "SELECT count(*) FROM positions")
    decoded = (await dipper("decode", FLIGHT, "--terminal", "PLANE-1")).out.splitlines()
    assert ledger["fixes"]["stored"] == stored[0][0]
    assert stored[0][0] == len({json.loads(line)["time"] for line in decoded} - {None})


async def test_a_stream_without_identity_is_quarantined(tmp_path: Path) -> None:
    async with LocalPipeline(tmp_path / "data") as pipeline:
        host, port = pipeline.endpoints.tcp.split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"".join(BEIDOU.read_bytes().splitlines(keepends=True)[-20:]))
        writer.write_eof()
        await writer.drain()
        while not await rows(pipeline, "SELECT 1 FROM rejects WHERE reason = 'unidentified'"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        ledger = await settled_ledger(pipeline)
        assert await rows(pipeline, "SELECT * FROM positions") == []
        metrics = await pipeline.get("/metrics")
        writer.close()
    rejected = ledger["lines"]["rejected"]
    assert isinstance(rejected, dict)
    assert rejected["unidentified"] == ledger["lines"]["read"] == 20
    assert metrics is not None
    assert 'dipper_rejects_total{reason="unidentified"} 20.0' in metrics


async def test_a_port_in_use_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = await dipper(
            "up", "--data-dir", tmp_path / "data", "--port", port, "--http-port", "0"
        )
    assert done.code == 1
    assert f"port {port}" in done.talk
    assert "Traceback" not in done.talk


async def test_a_wrong_zone_file_is_told_before_anything_starts(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.geojson"
    wrong.write_text('{"type": "FeatureCollection", "features": [{"type": "Feature"}]}')
    done = await dipper("up", "--data-dir", tmp_path / "data", "--zones", wrong)
    assert done.code == 1
    assert "wrong.geojson" in done.talk
    assert "Traceback" not in done.talk
    assert not (tmp_path / "data").exists()


async def test_a_second_pipeline_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    async with LocalPipeline(tmp_path / "data") as pipeline:
        done = await dipper(
            "up", "--data-dir", pipeline.data_dir, "--port", "0", "--http-port", "0"
        )
        assert await pipeline.get("/healthz") is not None
    assert done.code == 1
    assert "in use" in done.talk
    assert "Traceback" not in done.talk
