"""Processes of a service share the partitions: one joins, leaves or dies, and the work moves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.log.base import ENRICHED, ZONE_EVENT
from services.tools.local_cluster import LocalCluster
from services.tools.local_member import Member
from tests.faults.streams import Shape, make_streams, write_zones
from tests.integration.cluster.asking import rows, settled_ledger, until
from tests.integration.cluster.fleet import Fleet, expected

TERMINALS = 36
EPOCHS = 2_000
"""Far more than the changes of membership take; the rest is sent fast."""
PARTITIONS = 6
MOVES_WITHIN_S = 15.0
HAS = re.compile(r"has (\d+) partitions in generation (\d+)")


def share(member: Member) -> int:
    """How many partitions a member has by its own account."""
    told = HAS.findall(member.log_file.read_text())
    return int(told[-1][0]) if told else 0


async def places(cluster: LocalCluster) -> Mapping[tuple[str, int], int]:
    """How far each partition is stored, of what enrich makes."""
    found = await rows(
        cluster.dsn,
        "SELECT topic, partition, next FROM log_offsets WHERE topic = ANY($1)",
        [ENRICHED, ZONE_EVENT],
    )
    return {(topic, partition): at for topic, partition, at in found}


async def all_partitions_move(cluster: LocalCluster, what: str) -> None:
    """Wait until every partition is stored further than it is now, twice: the first time may
    be what was already on its way."""
    for _ in range(2):
        before = await places(cluster)

        async def is_further(before: Mapping[tuple[str, int], int] = before) -> bool:
            now = await places(cluster)
            return len(now) == 2 * PARTITIONS and all(
                at > before.get(place, 0) for place, at in now.items()
            )

        await until(is_further, f"all partitions move on after {what}")


@asynccontextmanager
async def in_time(cluster: LocalCluster, what: str) -> AsyncIterator[None]:
    """From the beginning of the block, in which membership changes and all members come to
    agree on it, until new records of every partition are stored it takes no longer than the
    promise."""
    clock = asyncio.get_running_loop().time
    began = clock()
    yield
    await all_partitions_move(cluster, what)
    took = clock() - began
    print(f"{what}: all work has moved after {took:.1f} s")
    assert took < MOVES_WITHIN_S, f"{what}: {took:.1f} s"


async def shared(members: list[Member], total: int) -> None:
    """Wait until all of these work and none but these."""

    async def is_shared() -> bool:
        shares = [share(one) for one in members]
        return all(shares) and sum(shares) == total

    await until(is_shared, f"{len(members)} members share {total} partitions")


@pytest.mark.parametrize(("service", "total"), [("enrich", PARTITIONS), ("store", 0)])
async def test_work_moves_when_a_process_joins_leaves_or_dies_and_nothing_is_lost_or_doubled(
    cluster: LocalCluster, tmp_path: Path, service: str, total: int
) -> None:
    total = total or 4 * PARTITIONS + 1  # The topics of store; that of tallies has one.
    streams = make_streams(Shape(TERMINALS, EPOCHS), seed=3)
    zones = tmp_path / "zones.geojson"
    write_zones(zones)
    code, _, talk = await cluster.dipper("zones", "load", str(zones))
    assert code == 0, talk
    await cluster.start_all(["ingest", "enrich", "store", service])
    first, second = (one for one in cluster.members if one.service == service)
    fleet = Fleet(streams, cluster.tcp)
    sending = asyncio.create_task(fleet.run())
    await shared([first, second], total)
    await all_partitions_move(cluster, "the start")

    async with in_time(cluster, "a join"):
        third = await cluster.start(service)
        await shared([first, second, third], total)
    async with in_time(cluster, "a leave"):
        await first.stop()
        assert first.returncode == 0
        await shared([second, third], total)
    async with in_time(cluster, "a kill"):
        await second.kill()
        await shared([third], total)

    cluster.members = [one for one in cluster.members if one not in (first, second)]
    assert not sending.done()
    fleet.rush.set()
    await sending
    ledger = await settled_ledger(cluster)
    fixes, events = expected(streams, zones)
    stored = await rows(
        cluster.dsn, "SELECT terminal, (extract(epoch FROM time) * 1000000)::bigint FROM fixes"
    )
    assert len(stored) == len(fixes)
    assert set(stored) == fixes
    ids = await rows(cluster.dsn, "SELECT id FROM zone_events")
    assert len(ids) == len(events)
    assert {row[0].hex for row in ids} == events
    assert ledger["events"]["stored"] == len(events)
