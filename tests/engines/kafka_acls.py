"""Rules of Kafka's authorizer for tests: settings of a broker that has one, and denying a right."""

from __future__ import annotations

from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int8, Int16, Int32, Schema, String

ADMIN, ADMIN_PASSWORD = "broker", "broker-password"
USER, USER_PASSWORD = "dipper", "dipper-password"
RESOURCES = {"topic": 2, "group": 3}
OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8, "DescribeConfigs": 10}
ANYTHING = 2
LITERAL = 3
DENY, ALLOW = 2, 3
JAAS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    f'username="{ADMIN}" password="{ADMIN_PASSWORD}" '
    f'user_{ADMIN}="{ADMIN_PASSWORD}" user_{USER}="{USER_PASSWORD}";'
)
GUARDED = {
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "listener.name.plaintext.plain.sasl.jaas.config": JAAS,
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": f"User:ANONYMOUS;User:{ADMIN}",
    "allow.everyone.if.no.acl.found": "true",
}
"""Properties of a broker that asks for a password and lets USER do what no rule denies. Only the
controllers' own connections are anonymous."""


class _CreateAclsResponse(Response):
    API_KEY = 30
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("results", Array(("error_code", Int16), ("error_message", String("utf-8")))),
    )


class _CreateAclsStruct(RequestStruct):
    API_KEY = 30
    API_VERSION = 1
    RESPONSE_TYPE = _CreateAclsResponse
    SCHEMA = Schema(
        (
            "creations",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                ("resource_pattern_type", Int8),
                ("principal", String("utf-8")),
                ("host", String("utf-8")),
                ("operation", Int8),
                ("permission_type", Int8),
            ),
        )
    )


class _CreateAcls(Request[_CreateAclsStruct]):
    API_KEY = 30

    def __init__(self, rules: list[tuple[object, ...]]) -> None:
        self._rules = rules

    def build(self, request_struct_class: type[_CreateAclsStruct]) -> _CreateAclsStruct:
        return request_struct_class(self._rules)


async def deny(servers: str, operation: str, kind: str, name: str) -> None:
    """USER may no longer do ``operation`` on the topic or group (``kind``) of this name, and all
    else. (What has one rule is closed to all that no rule allows.)"""
    admin = AIOKafkaAdminClient(
        bootstrap_servers=servers,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="PLAIN",
        sasl_plain_username=ADMIN,
        sasl_plain_password=ADMIN_PASSWORD,
    )
    await admin.start()
    try:
        place = (RESOURCES[kind], name, LITERAL, f"User:{USER}", "*")
        rules: list[tuple[object, ...]] = [
            (*place, ANYTHING, ALLOW),
            (*place, OPERATIONS[operation], DENY),
        ]
        answer: Any = await admin._send_request(_CreateAcls(rules))
        for error_code, said in answer.results:
            assert not error_code, said
    finally:
        await admin.close()
