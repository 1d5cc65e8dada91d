"""Fixes that Kafka deleted before enrich had read them: told by enrich, its metrics, the dead
letters and the ledger."""

from __future__ import annotations

import re

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from services.log.base import FIX
from services.log.kafka import KafkaLog
from services.tools.local_cluster import LocalCluster
from tests.engines.kafka import Cluster
from tests.integration.cluster.asking import rows, settled_ledger, until
from tests.integration.cluster.test_pipeline import BEIDOU, FLIGHT, replay

LOST = re.compile(r'dipper_deleted_unread_records_total\{service="enrich",topic="(.+?)"\} (\d+)')


async def delete_all(servers: str, topic: str) -> None:
    """As retention does in an outage that lasts too long."""
    async with KafkaLog(servers) as log:
        ends = await log.end_offsets(topic)
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        everything = {KafkaPartition(topic, at): RecordsToDelete(end) for at, end in ends.items()}
        await admin.delete_records(everything)
    finally:
        await admin.close()


async def test_fixes_deleted_while_enrich_was_away_are_told_and_never_passed_over_in_silence(
    cluster: LocalCluster, kafka_cluster: Cluster
) -> None:
    await cluster.start_all()
    await replay(cluster, cluster.tcp, FLIGHT, "PLANE-1")
    before = (await settled_ledger(cluster))["fixes"]["stored"]
    ingest, enrich, store = cluster.members
    await enrich.stop()
    await replay(cluster, cluster.tcp, BEIDOU, "BOAT-1")
    lost = (await cluster.ledger())["fixes"]["in_flight"]
    assert lost > 0
    await delete_all(kafka_cluster.bootstrap_servers, FIX)

    cluster.members = [ingest, store]
    await cluster.start_all(["enrich"])

    async def is_told() -> bool:
        return not (await cluster.ledger())["balanced"]

    await until(is_told, "a ledger that does not balance", cluster)
    ledger = await cluster.ledger()
    assert ledger["fixes"]["stored"] == before
    assert ledger["fixes"]["in_flight"] == 0
    assert ledger["fixes"]["dead_lettered"] == {"deleted_unread": 1}
    (problem,) = [one for one in ledger["problems"] if "came to the store neither" in one]
    assert f"{lost:,} of the first" in problem
    assert "deleted from the log before they were read" in problem
    assert LOST.findall(await cluster.metrics()) == [(FIX, str(lost))]
    told = cluster.members[-1].log_file.read_text()
    assert len(re.findall(r"ERROR .*telematics\.fix\.v1\[\d+\]: Kafka deleted", told)) == 1
    ((detail, raw),) = await rows(
        cluster.dsn, "SELECT detail, raw FROM rejects WHERE reason = 'deleted_unread'"
    )
    assert detail == "left out by enrich"
    assert b"the log has deleted" in raw

    await replay(cluster, cluster.tcp, BEIDOU, "BOAT-2")

    async def goes_on() -> bool:
        return bool((await cluster.ledger())["fixes"]["stored"] > before)

    await until(goes_on, "fixes that came later", cluster)
