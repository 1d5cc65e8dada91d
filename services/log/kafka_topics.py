"""Topics in Kafka: how they are made, and what is known of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from services.log.base import LogError, LogUnavailableError, TopicSpec
from services.log.embedded import check_topic
from services.log.kafka_connection import KafkaConnection
from services.log.kafka_rights import Rights, missing_rights

DAY_MS = 86_400_000
PLAIN = {"cleanup.policy": "delete", "retention.ms": str(7 * DAY_MS)}
COMPACTED = {
    "cleanup.policy": "compact",
    "delete.retention.ms": str(7 * DAY_MS),
    "min.cleanable.dirty.ratio": "0.2",
    "segment.bytes": str(64 << 20),
    "segment.ms": str(DAY_MS),
}
"""Tombstones stay as long as records elsewhere, so that a follower away for days sees them."""
MAX_REPLICATION = 3
LOOKUP_S = 0.5
LOOK_AGAIN_S = 0.05


class KafkaTopics:
    """Makes and looks up topics; what it has seen it remembers, as a topic's partitions and
    cleanup policy stay."""

    def __init__(self, connection: KafkaConnection, replication: int | None = None) -> None:
        self._connection = connection
        self._replication = replication
        self._known: dict[str, TopicSpec] = {}
        self._admin: AIOKafkaAdminClient | None = None

    async def open(self) -> None:
        """Connect. Raises LogUnavailableError, or LogError for wrong credentials."""
        admin = AIOKafkaAdminClient(**self._connection.settings())
        await self._connection.start(admin.start, admin.close, "connecting")
        self._admin = admin

    async def close(self) -> None:
        """Disconnect."""
        admin, self._admin = self._admin, None
        if admin is not None:
            await self._connection.stop(admin.close)

    async def lookup(self, name: str) -> TopicSpec:
        """The topic as it is. Raises LogError if there is none."""
        self._client()
        known = self._known.get(name)
        if known is not None:
            return known
        if not await self._see([name], within_s=LOOKUP_S):
            raise LogError(f"topic {name} does not exist: create the topics first")
        return self._known[name]

    async def create(self, wanted: Sequence[TopicSpec]) -> None:
        """Create those that are missing. Raises LogError if one is there and does not fit."""
        await self._learn([spec.name for spec in wanted])
        for spec in wanted:
            check_topic(self._known.get(spec.name), spec)
        missing = [spec for spec in wanted if spec.name not in self._known]
        if missing:
            await self._create(missing)
            names = [spec.name for spec in missing]
            if not await self._see(names, within_s=self._connection.timeouts.request, led=True):
                raise LogUnavailableError(f"Kafka made {', '.join(names)}, but does not show it")
            for spec in missing:
                check_topic(self._known.get(spec.name), spec)

    async def missing_rights(self, rights: Rights) -> list[str]:
        """See ``kafka_rights``. Raises LogUnavailableError, LogError."""
        return await self._limited(  # type: ignore[no-any-return]
            missing_rights(self._client(), rights), "asking for our rights"
        )

    async def ping(self) -> None:
        """Raises LogUnavailableError if no broker answers."""
        await self._limited(self._client().describe_cluster(), "ping")

    def _client(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            raise LogError("the log is closed")
        return self._admin

    async def _create(self, missing: Sequence[TopicSpec]) -> None:
        cluster = await self._limited(self._client().describe_cluster(), "describing the cluster")
        copies = self._replication or min(MAX_REPLICATION, len(cluster["brokers"]))
        # One broker may be away, and what is acknowledged is on two all the same.
        in_sync = {"min.insync.replicas": str(max(1, copies - 1))}
        topics = [
            NewTopic(
                spec.name,
                spec.partitions,
                copies,
                topic_configs=(COMPACTED if spec.compacted else PLAIN) | in_sync,
            )
            for spec in missing
        ]
        answer = await self._limited(self._client().create_topics(topics), "creating topics")
        for name, code, said in answer.topic_errors:
            kind = errors.for_code(code)
            if kind not in (errors.NoError, errors.TopicAlreadyExistsError):
                raise self._connection.explain(kind(said or ""), f"creating topic {name}")

    async def _see(self, names: Sequence[str], within_s: float, led: bool = False) -> bool:
        """Learn of topics that may be new: a broker hears of them a little later than the one
        that made them. With ``led`` each partition must have a leader. False if some can't be
        seen."""
        deadline = asyncio.get_running_loop().time() + within_s
        while True:
            await self._learn(names, led)
            if all(name in self._known for name in names):
                return True
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _learn(self, names: Sequence[str], led: bool = False) -> None:
        # All topics are asked for: naming an unknown one would create it on many clusters.
        found = await self._limited(self._client().describe_topics(), "describing topics")
        sizes = {
            topic["topic"]: len(topic["partitions"])
            for topic in found
            if topic["error_code"] == 0
            and topic["topic"] in names
            and (not led or all(partition["leader"] >= 0 for partition in topic["partitions"]))
        }
        if not sizes:
            return
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sizes]
        answers = await self._limited(
            self._client().describe_configs(resources), "describing topics"
        )
        for answer in answers:
            for code, said, _, name, settings in answer.resources:
                if code:
                    raise self._connection.explain(
                        errors.for_code(code)(said or ""), f"describing topic {name}"
                    )
                policy = {entry[0]: entry[1] for entry in settings}.get("cleanup.policy", "")
                self._known[name] = TopicSpec(name, sizes[name], "compact" in policy)

    async def _limited(self, call: Awaitable[Any], what: str) -> Any:
        return await self._connection.limited(call, self._connection.timeouts.request, what)
