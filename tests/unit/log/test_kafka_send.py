"""A broken connection is an error that aiokafka's clients expect, on uvloop too."""

from __future__ import annotations

import asyncio

import pytest
import uvloop
from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.metadata import MetadataRequest

from services.log import kafka_send


async def send_on_a_closed_connection() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    connection = AIOKafkaConnection(host, port)
    connection._reader, connection._writer = await asyncio.open_connection(host, port)
    connection._read_task = asyncio.create_task(asyncio.sleep(0))
    connection._versions = {3: (0, 1)}
    connection._writer.transport.abort()
    # The loop needs a turn to close the handle.
    await connection._writer.wait_closed()
    try:
        await connection.send(MetadataRequest([]))
    finally:
        server.close()


def test_a_request_on_a_closed_connection_is_a_kafka_error_on_uvloop() -> None:
    kafka_send.install()
    with pytest.raises(errors.KafkaConnectionError, match="broken"):
        uvloop.run(send_on_a_closed_connection())


def test_aiokafka_itself_raises_something_else_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """When this fails, the patch has become needless."""
    monkeypatch.setattr(AIOKafkaConnection, "send", kafka_send._plain_send)
    with pytest.raises(RuntimeError, match="closed"):
        uvloop.run(send_on_a_closed_connection())
