"""A broken connection is an error that aiokafka's clients expect, on uvloop too."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop
from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.metadata import MetadataRequest

import services.log.kafka_connection

assert services.log.kafka_connection


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy])
def event_loop_policy(request: pytest.FixtureRequest) -> Any:
    return request.param()


async def test_a_request_on_a_closed_connection_raises_kafka_connection_error() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    connection = AIOKafkaConnection(host, port, request_timeout_ms=500)
    reader, writer = await asyncio.open_connection(host, port)
    connection._reader, connection._writer = reader, writer
    connection._versions = {3: (0, 1)}
    writer.transport.abort()
    await asyncio.sleep(0)
    with pytest.raises((errors.KafkaConnectionError, TimeoutError, asyncio.TimeoutError)):
        await connection.send(MetadataRequest([]))
    server.close()
