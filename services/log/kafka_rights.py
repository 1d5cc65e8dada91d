"""What Kafka lets us do, asked before a service begins.

Without that a right that lacks shows only when it is needed: ingest would take lines that it
can't publish, end, and be started again, for ever. The requests are those of Kafka 2.3, the
first that tell (KIP-430); aiokafka 0.14 has no such ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

OPERATIONS = {"Read": 3, "Write": 4, "DescribeConfigs": 10}
"""Kafka's codes of the rights that we use: which bit of an answer."""
FORBIDDEN_TOPIC = errors.TopicAuthorizationFailedError.errno
FORBIDDEN_GROUP = errors.GroupAuthorizationFailedError.errno


class Rights(NamedTuple):
    """What a service does: topics that it reads, topics that it writes, its consumer group."""

    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    group: str | None = None

    def operations(self) -> Mapping[str, Sequence[str]]:
        """By topic; how a topic is set up is looked at in any case."""
        return {
            topic: [
                *(["Read"] if topic in self.reads else []),
                *(["Write"] if topic in self.writes else []),
                "DescribeConfigs",
            ]
            for topic in sorted({*self.reads, *self.writes})
        }


class _TopicsResponse(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(
                ("node_id", Int32),
                ("host", String("utf-8")),
                ("port", Int32),
                ("rack", String("utf-8")),
            ),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _TopicsStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _TopicsResponse
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _Topics(Request[_TopicsStruct]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[_TopicsStruct]) -> _TopicsStruct:
        return request_struct_class(self._topics, False, False, True)


class _GroupsStruct(RequestStruct):  # type: ignore[misc]
    """aiokafka reads the answer to its own request of this version as one of version 2."""

    API_KEY = 15
    API_VERSION = 3
    RESPONSE_TYPE = DescribeGroupsResponse_v3
    SCHEMA = Schema(("groups", Array(String("utf-8"))), ("include_authorized_operations", Boolean))


class _Groups(Request[_GroupsStruct]):  # type: ignore[misc]
    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[_GroupsStruct]) -> _GroupsStruct:
        return request_struct_class([self._group], True)


async def missing_rights(admin: AIOKafkaAdminClient, rights: Rights) -> list[str]:
    """Those that Kafka does not give, such as ``Write on topic NAME``; none if it can't tell.

    A topic that does not exist lacks no right. Raises KafkaError.
    """
    try:
        lacking = await _missing_on_topics(admin, rights.operations())
        if rights.group is not None:
            lacking += await _missing_on_group(admin, rights.group)
    except NotImplementedError:
        return []  # A broker older than these requests.
    return lacking


async def _missing_on_topics(
    admin: AIOKafkaAdminClient, wanted: Mapping[str, Sequence[str]]
) -> list[str]:
    if not wanted:
        return []
    answer: Any = await admin._send_request(_Topics(list(wanted)))
    lacking: list[str] = []
    for error_code, topic, _, _, given in sorted(answer.topics, key=lambda found: found[1]):
        if error_code == FORBIDDEN_TOPIC:
            lacking += [f"{operation} on topic {topic}" for operation in wanted[topic]]
        elif not error_code:
            lacking += [
                f"{operation} on topic {topic}" for operation in _left_out(wanted[topic], given)
            ]
    return lacking


async def _missing_on_group(admin: AIOKafkaAdminClient, group: str) -> list[str]:
    lacks = [f"Read on group {group}"]
    try:
        coordinator = await admin.find_coordinator(group)
    except errors.GroupAuthorizationFailedError:
        return lacks
    answer: Any = await admin._send_request_to_node(coordinator, _Groups(group))
    ((error_code, *_, given),) = answer.groups
    if error_code == FORBIDDEN_GROUP:
        return lacks
    if error_code:
        raise errors.for_code(error_code)()
    return lacks if list(_left_out(["Read"], given)) else []


def _left_out(operations: Sequence[str], given: int) -> Iterator[str]:
    """Those whose bit is not set."""
    return (each for each in operations if not given >> OPERATIONS[each] & 1)
