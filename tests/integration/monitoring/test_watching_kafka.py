"""Alerts whose faults need Kafka, fired by these faults."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from services.assembly.parts import topic_specs
from services.log.base import FIX
from services.log.kafka import KafkaLog
from services.tools.local_cluster import LocalCluster
from tests.engines.kafka import Cluster
from tests.engines.prometheus import Prometheus
from tests.integration.monitoring import watching
from tests.integration.monitoring.sending import fleet
from tests.integration.monitoring.test_watching import ON_KAFKA

NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"
SETTINGS = {"DIPPER_INGEST_UNKNOWN_TERMINALS": "accept"}


async def delete_fixes(servers: str) -> None:
    """Wait for fixes, then let Kafka delete those that are there now."""
    async with KafkaLog(servers) as log:
        async with asyncio.timeout(watching.PATIENCE_S):
            while sum((await log.end_offsets(FIX)).values()) < 20:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        ends = await log.end_offsets(FIX)
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.delete_records(
            {
                TopicPartition(FIX, number): RecordsToDelete(before_offset=end)
                for number, end in ends.items()
            }
        )
    finally:
        await admin.close()


async def test_alerts_on_kafka_fire_when_their_fault_is_made(
    tmp_path: Path, kafka_cluster: Cluster, prometheus_server: Prometheus
) -> None:
    servers = kafka_cluster.bootstrap_servers
    async with KafkaLog(servers) as log:
        await log.create_topics(topic_specs(3))
    async with LocalCluster(tmp_path / "services", servers, NO_DATABASE, SETTINGS) as services:
        await services.start_all(["ingest"])
        async with fleet(services.tcp):
            await delete_fixes(servers)
            await services.start_all(["enrich"])
            addresses = [member.http for member in services.members if member.http]
            watching.start(prometheus_server, addresses)
            await watching.wait_until_firing(prometheus_server, "DipperDeletedUnread")
            for broker in kafka_cluster.brokers:
                broker.kill()
            await watching.wait_until_firing(prometheus_server, "DipperLogAway")
    assert {"DipperDeletedUnread", "DipperLogAway"} == ON_KAFKA
