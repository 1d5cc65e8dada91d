"""The services on Kafka and TimescaleDB keep their promises, whatever happens to them.

In a full set (``SEEDS`` above 1, or ``FAULTS_FULL=1``) outages last as long as they are named
for; in the short form less.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from services.log.base import (
    ENRICHED,
    FIX,
    MESSAGE,
    REJECT,
    TALLY,
    ZONE_EVENT,
    ZONE_STATE,
    Entry,
)
from services.log.kafka import KafkaLog
from tests.faults.checker import Tolerance
from tests.faults.cluster import (
    ONE_EACH,
    SESSION_S,
    ClusterRun,
    Member,
    freeze_and_thaw,
    is_commit,
    is_produce_request,
    leaders,
    run_cluster,
    until_in_sync,
)
from tests.faults.conftest import FULL
from tests.faults.fleet_client import Habits
from tests.faults.points import POINTS
from tests.faults.run import Plan, tell

pytestmark = pytest.mark.faults

OUTAGE_S = 120.0 if FULL else 15.0
LOCK_S = 60.0 if FULL else 10.0
OFTEN = {"DIPPER_ENRICH_CHECKPOINT_S": "0.2"}
"""State is saved often, so that there are many moments at which it may go wrong."""
KILLED = [("ingest",), ("enrich",), ("store",)] if FULL else [("ingest", "enrich", "store")]
FROZEN = [("enrich",), ("store",)] if FULL else [("enrich", "store")]
LONG = Plan(limit_s=400.0, late_fault_s=OUTAGE_S + LOCK_S)


def points_of(service: str) -> list[str]:
    """The named points of one service."""
    return [point for point in POINTS if point.startswith(service)]


async def test_undisturbed(home: Path, seed: int) -> None:
    plan = Plan(tolerance=Tolerance(every_line_counted=True))
    tell("cluster: undisturbed", seed, await run_cluster(home, seed, plan=plan))


@pytest.mark.parametrize("services", KILLED, ids="+".join)
async def test_kill_9_at_named_points(home: Path, seed: int, services: tuple[str, ...]) -> None:
    """Each start of a service is killed at another of its points."""
    deal = random.Random(f"points {seed}")
    points = {service: points_of(service) for service in services}
    members = dict(ONE_EACH)
    for service, named in points.items():
        once = [f"kill={point},{deal.randint(2, 6)}" for point in named]
        members[f"{service}-1"] = Member((), once)

    async def fault(cluster: ClusterRun) -> None:
        for service, named in points.items():
            await cluster.service(f"{service}-1").until_exits(len(named))
        cluster.run.is_over()

    plan = Plan(habits=Habits(duration_s=5.0 * max(map(len, points.values()))), limit_s=200.0)
    report = await run_cluster(home, seed, fault, plan=plan, members=members, settings=OFTEN)
    for service, named in points.items():
        assert list(report.exits[f"{service}-1"]) == [-signal.SIGKILL] * len(named)
    tell(f"cluster: kill -9 of {' and '.join(services)} at every point", seed, report)


@pytest.mark.parametrize("services", FROZEN, ids="+".join)
async def test_members_that_were_frozen_longer_than_their_session(
    home: Path, seed: int, services: tuple[str, ...]
) -> None:
    """At each of their points, while other members take their partitions over."""
    deal = random.Random(f"zombies {seed}")
    members = dict(ONE_EACH)
    for service in services:
        freezes = [
            f"freeze={point},{3 + 3 * at + deal.randint(0, 2)}"
            for at, point in enumerate(points_of(service))
        ]
        members[f"{service}-2"] = Member(freezes)

    async def fault(cluster: ClusterRun) -> None:
        thawing = (
            freeze_and_thaw(
                cluster.service(f"{service}-2"), len(points_of(service)), SESSION_S + 2.0
            )
            for service in services
        )
        await asyncio.gather(*thawing)
        cluster.run.is_over()

    most = max(len(points_of(service)) for service in services)
    plan = Plan(habits=Habits(duration_s=7.0 * most), limit_s=200.0)
    report = await run_cluster(home, seed, fault, plan=plan, members=members, settings=OFTEN)
    tell(f"cluster: zombie {' and '.join(services)} at every point", seed, report)


async def test_ingest_that_was_frozen_while_its_terminals_went_elsewhere(
    home: Path, seed: int
) -> None:
    members: Mapping[str, Member] = {
        "ingest-1": Member(["freeze=ingest between records and tally,20"]),
        "ingest-2": Member(),
        "enrich-1": Member(),
        "store-1": Member(),
    }

    async def fault(cluster: ClusterRun) -> None:
        await cluster.service("ingest-1").until_stopped()
        cluster.run.proxy.target = ("127.0.0.1", cluster.ports["ingest-2"])
        await asyncio.sleep(SESSION_S + 2.0)
        cluster.service("ingest-1").send(signal.SIGCONT)
        cluster.run.is_over()

    tell("cluster: zombie ingest", seed, await run_cluster(home, seed, fault, members=members))


async def test_broker_stop_and_kill_9_and_restart(home: Path, seed: int) -> None:
    async def fault(cluster: ClusterRun) -> None:
        broker = cluster.engines.broker
        await cluster.run.until_acknowledged(0.2)
        await cluster.off_the_loop(broker.stop)
        await cluster.off_the_loop(broker.start)
        await cluster.run.until_acknowledged(0.6)
        await cluster.off_the_loop(broker.kill)
        await cluster.off_the_loop(broker.start)
        cluster.run.is_over()

    tell("cluster: broker stop, kill -9", seed, await run_cluster(home, seed, fault, plan=LONG))


async def test_broker_outage(home: Path, seed: int) -> None:
    async def fault(cluster: ClusterRun) -> None:
        broker = cluster.engines.broker
        await cluster.run.until_acknowledged(0.3)
        await cluster.off_the_loop(broker.kill)
        await asyncio.sleep(OUTAGE_S)
        await cluster.off_the_loop(broker.start)
        cluster.run.is_over()

    report = await run_cluster(home, seed, fault, plan=LONG)
    tell(f"cluster: broker away for {OUTAGE_S:.0f} s", seed, report)


async def test_three_brokers_of_which_one_is_killed(home: Path, seed: int) -> None:
    """Each leads partitions; with two of three copies in sync work goes on. In the short form
    only one is killed."""

    async def fault(cluster: ClusterRun) -> None:
        servers, brokers = cluster.engines.servers, cluster.engines.brokers
        for number, broker in enumerate(brokers if FULL else brokers[:1]):
            await cluster.run.until_acknowledged(0.1 + 0.25 * number)
            await until_in_sync(servers, FIX, len(brokers))
            while broker.node_id not in await leaders(servers, FIX):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            before = cluster.run.client.share_acknowledged
            await cluster.off_the_loop(broker.kill)
            await cluster.run.until_acknowledged(before + 0.05)
            await cluster.off_the_loop(broker.start)
        cluster.run.is_over()

    plan = Plan(habits=Habits(duration_s=40.0 if FULL else 12.0), limit_s=200.0)
    report = await run_cluster(home, seed, fault, plan=plan, brokers=3)
    tell("cluster: three brokers, kill -9", seed, report)


async def test_disk_of_the_broker_full(home: Path, seed: int, small_disk: Path) -> None:
    async def fault(cluster: ClusterRun) -> None:
        broker = cluster.engines.broker
        await cluster.run.until_acknowledged(0.2)
        filler = small_disk / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4 << 10))
        await asyncio.sleep(8)
        filler.unlink()
        await cluster.off_the_loop(broker.kill)
        await cluster.off_the_loop(broker.start)
        cluster.run.is_over()

    report = await run_cluster(home, seed, fault, plan=LONG, kafka_directory=small_disk)
    tell("cluster: broker disk full", seed, report)


async def test_database_kill_9_and_fast_restart(home: Path, seed: int) -> None:
    async def fault(cluster: ClusterRun) -> None:
        database = cluster.engines.database
        await cluster.run.until_acknowledged(0.2)
        await cluster.off_the_loop(database.kill)
        await asyncio.sleep(2)
        await cluster.off_the_loop(database.start)
        await cluster.run.until_acknowledged(0.6)
        await cluster.off_the_loop(database.stop)
        await cluster.off_the_loop(database.start)
        cluster.run.is_over()

    tell(
        "cluster: database kill -9, restart", seed, await run_cluster(home, seed, fault, plan=LONG)
    )


async def test_tables_locked(home: Path, seed: int) -> None:
    async def fault(cluster: ClusterRun) -> None:
        await cluster.run.until_acknowledged(0.2)
        connection = await asyncpg.connect(cluster.engines.database.dsn)
        async with connection.transaction():
            await connection.execute("LOCK TABLE positions, log_offsets IN ACCESS EXCLUSIVE MODE")
            await asyncio.sleep(LOCK_S)
        await connection.close()
        cluster.run.is_over()

    report = await run_cluster(home, seed, fault, plan=LONG)
    tell(f"cluster: tables locked for {LOCK_S:.0f} s", seed, report)


async def test_replies_to_commit_lost(home: Path, seed: int) -> None:
    async def fault(cluster: ClusterRun) -> None:
        proxy = cluster.engines.database_proxy
        for number in range(6):
            await cluster.run.until_acknowledged(0.14 * number)
            proxy.toxics.lose_reply_to = is_commit
            await asyncio.sleep(0.3)
        cluster.run.notes["replies lost"] = proxy.replies_lost
        cluster.run.is_over()
        assert proxy.replies_lost

    tell("cluster: COMMIT reply lost", seed, await run_cluster(home, seed, fault))


async def test_replies_to_produce_requests_lost(home: Path, seed: int) -> None:
    async def fault(cluster: ClusterRun) -> None:
        proxy = cluster.engines.kafka_proxy
        for number in range(6):
            await cluster.run.until_acknowledged(0.14 * number)
            proxy.toxics.lose_reply_to = is_produce_request
            await asyncio.sleep(0.3)
        cluster.run.notes["replies lost"] = proxy.replies_lost
        cluster.run.is_over()
        assert proxy.replies_lost

    tell("cluster: produce reply lost", seed, await run_cluster(home, seed, fault))


async def test_slow_database(home: Path, seed: int) -> None:
    async def fault(cluster: ClusterRun) -> None:
        toxics = cluster.engines.database_proxy.toxics
        toxics.latency_s, toxics.bytes_per_s = 0.1, 200_000
        await asyncio.sleep(8)
        toxics.latency_s = toxics.bytes_per_s = 0.0
        cluster.run.is_over()

    tell("cluster: slow database", seed, await run_cluster(home, seed, fault))


async def test_rebalance_every_two_seconds(home: Path, seed: int) -> None:
    """Members join, take partitions without doing anything with them, and leave."""

    async def come_and_go(cluster: ClusterRun, group: str, topics: list[str], times: int) -> None:
        async with KafkaLog(cluster.engines.servers) as log:
            for _ in range(times):
                guest = await log.consumer(group, topics)
                with suppress(TimeoutError):
                    async with asyncio.timeout(2):
                        while True:
                            await guest.poll(0.2)
                await guest.close()

    async def fault(cluster: ClusterRun) -> None:
        topics = [ENRICHED, ZONE_EVENT, MESSAGE, REJECT, TALLY]
        await asyncio.gather(
            come_and_go(cluster, "enrich", [FIX], 5), come_and_go(cluster, "store", topics, 5)
        )
        cluster.run.is_over()

    plan = Plan(habits=Habits(duration_s=10.0))
    tell("cluster: rebalance every 2 s", seed, await run_cluster(home, seed, fault, plan=plan))


async def test_poison_records(home: Path, seed: int) -> None:
    poison = [b"", b"\xff\x00{", b"[1, 2]", b'{"terminal": "F", "time_us": "noon"}']

    async def fault(cluster: ClusterRun) -> None:
        async with KafkaLog(cluster.engines.servers) as log:
            for share in (0.1, 0.5):
                await cluster.run.until_acknowledged(share)
                for topic in (FIX, ENRICHED, ZONE_EVENT, MESSAGE, REJECT, TALLY, ZONE_STATE):
                    entries = [Entry(b"poison-%d" % at, value) for at, value in enumerate(poison)]
                    await log.append(topic, entries)
        cluster.run.is_over()

    plan = Plan(tolerance=Tolerance(foreign_fixes=2 * len(poison)))
    tell("cluster: poison records", seed, await run_cluster(home, seed, fault, plan=plan))
