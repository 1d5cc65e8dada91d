"""One process a service on real engines: the same rows and events as in one process."""

from __future__ import annotations

import json
from pathlib import Path

from services.tools.local_cluster import LocalCluster
from services.tools.local_pipeline import LocalPipeline
from tests.integration.cluster.asking import EVENTS, POSITIONS, rows, settled_ledger, until

CAPTURES = Path(__file__).parents[2] / "captures"
FLIGHT = CAPTURES / "aerorust-nmea/nmea1.log"
BEIDOU = CAPTURES / "gpsd/quectel-l76k-nmea.log"
AIRSPACE = b"""{"type": "FeatureCollection", "features": [{"type": "Feature", "id": "airspace",
 "properties": {"kind": "restricted", "radius": 800}, "geometry":
 {"type": "Point", "coordinates": [38.893, 55.070]}}]}"""
STOPS_WITHIN_S = 5.0


def write_zones(folder: Path) -> Path:
    """A zone that the flight of the capture enters and leaves."""
    file = folder / "airspace.geojson"
    file.write_bytes(AIRSPACE)
    return file


async def replay(cluster: LocalCluster, address: str, capture: Path, terminal: str) -> None:
    code, _, talk = await cluster.dipper(
        *["replay", str(capture), "--to", f"tcp://{address}"],
        *["--terminal", terminal, "--speed", "max", "--ack"],
    )
    assert code == 0, talk


async def test_captures_become_the_rows_and_events_of_one_process_and_of_the_offline_tools(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    zones = write_zones(tmp_path)
    code, _, talk = await cluster.dipper("zones", "load", str(zones))
    assert code == 0, talk
    await cluster.start_all()
    for capture, terminal in ((FLIGHT, "PLANE-1"), (BEIDOU, "BOAT-1")):
        await replay(cluster, cluster.tcp, capture, terminal)
    ledger = await settled_ledger(cluster)
    fixes, events = await rows(cluster.dsn, POSITIONS), await rows(cluster.dsn, EVENTS)

    async with LocalPipeline(tmp_path / "up", zones) as alone:
        for capture, terminal in ((FLIGHT, "PLANE-1"), (BEIDOU, "BOAT-1")):
            await replay(cluster, alone.endpoints.tcp, capture, terminal)
        await until(lambda: _has(alone.endpoints.dsn, len(fixes), len(events)), "the same rows")
        assert await rows(alone.endpoints.dsn, POSITIONS) == fixes
        assert await rows(alone.endpoints.dsn, EVENTS) == events

    _, decoded, _ = await cluster.dipper("decode", str(FLIGHT), "--terminal", "PLANE-1")
    times = {json.loads(line)["time"] for line in decoded.splitlines()} - {None}
    assert sum(row[0] == "PLANE-1" for row in fixes) == len(times)
    _, offline, _ = await cluster.dipper(
        "events", str(FLIGHT), "--terminal", "PLANE-1", "--zones", str(zones)
    )
    assert {row[-1].hex for row in events} == {
        json.loads(line)["id"] for line in offline.splitlines()
    }
    assert events
    assert ledger["fixes"]["stored"] == len(fixes)


async def _has(dsn: str, fixes: int, events: int) -> bool:
    counts = "SELECT (SELECT count(*) FROM positions), (SELECT count(*) FROM zone_events)"
    return await rows(dsn, counts) == [(fixes, events)]


async def test_sigterm_stops_each_service_in_time_and_what_was_acknowledged_stays(
    cluster: LocalCluster,
) -> None:
    await cluster.start_all()
    await replay(cluster, cluster.tcp, FLIGHT, "PLANE-1")
    for member in cluster.members:
        assert await member.stop() < STOPS_WITHIN_S, member.last_words()
        assert member.returncode == 0, member.last_words()
    cluster.members.clear()
    await cluster.start_all(["enrich", "store"])
    ledger = await settled_ledger(cluster)
    _, decoded, _ = await cluster.dipper("decode", str(FLIGHT), "--terminal", "PLANE-1")
    times = {json.loads(line)["time"] for line in decoded.splitlines()} - {None}
    assert ledger["fixes"]["stored"] == len(times)


async def test_zones_that_are_loaded_while_enrich_runs_come_into_force(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    await cluster.start_all()
    await replay(cluster, cluster.tcp, BEIDOU, "BOAT-1")
    await settled_ledger(cluster)
    assert await rows(cluster.dsn, EVENTS) == []

    code, _, talk = await cluster.dipper("zones", "load", str(write_zones(tmp_path)))
    assert code == 0, talk
    assert "1 zones are in force, 1 of them changed" in talk
    _, shown, _ = await cluster.dipper("zones", "list")
    assert "airspace" in shown
    # Enrich looks at the topic when a batch comes, so batches have to come until it has looked.
    replayed = iter(range(100))

    async def is_in_force() -> bool:
        await replay(cluster, cluster.tcp, FLIGHT, f"PLANE-{next(replayed)}")
        await settled_ledger(cluster)
        return bool(await rows(cluster.dsn, EVENTS))

    await until(is_in_force, "events of the new zone", cluster)
