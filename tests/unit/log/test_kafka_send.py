"""A broken connection is an error that aiokafka's clients expect, on uvloop too; batches are sent
as aiokafka sends them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop
from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest

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


class Writer:
    """Keeps what was written, or fails as a transport does."""

    def __init__(self, error: Exception | None = None) -> None:
        self.written: list[bytes] = []
        self.error = error

    def write(self, data: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.written.append(bytes(data))

    def close(self) -> None:
        pass


def connected(writer: Writer, versions: tuple[int, int]) -> AIOKafkaConnection:
    """A connection to a broker that takes these versions of a ProduceRequest."""
    connection = AIOKafkaConnection("broker", 1, client_id="dipper", request_timeout_ms=10_000)
    connection._reader, connection._writer = asyncio.StreamReader(), writer
    connection._versions = {0: versions}
    connection._read_task = asyncio.create_task(asyncio.sleep(0))
    return connection


TOPICS = [
    ("one", [(0, bytearray(b"batch")), (7, b""), (3, None)]),
    ("two", []),
    ("three-\N{LATIN SMALL LETTER E WITH ACUTE}", [(1, bytes(300_000))]),
]


@pytest.mark.parametrize("version", range(8))
@pytest.mark.parametrize("topics", [TOPICS, [], None])
async def test_batches_are_sent_as_aiokafka_sends_them(version: int, topics: Any) -> None:
    written = []
    for way in (kafka_send._plain_send, kafka_send.send):
        writer = Writer()
        connection = connected(writer, (version, version))
        answer = way(connection, ProduceRequest(None, -1, 15_000, topics))
        (request,) = connection._requests
        assert request[0] == 1
        request[2].set_result("answered")
        assert await answer == "answered"
        (one,) = writer.written
        written.append(one)
        connection.close()
    assert written[0] == written[1]


@pytest.mark.parametrize("error", [RuntimeError("closed"), OSError("gone")])
async def test_batches_on_a_broken_connection_are_a_kafka_error(error: Exception) -> None:
    connection = connected(Writer(error), (7, 7))
    with pytest.raises(errors.KafkaConnectionError, match="broken"):
        kafka_send.send(connection, ProduceRequest(None, -1, 15_000, TOPICS))
    with pytest.raises(errors.KafkaConnectionError, match="No connection"):
        kafka_send.send(connection, ProduceRequest(None, -1, 15_000, TOPICS))
