"""What aiokafka's connections do otherwise here when they send.

A write to a connection that is gone is an error of the connection. asyncio's own transports let
such a write pass; uvloop's raise RuntimeError, which aiokafka 0.14 does not expect: the task that
keeps its client's metadata up to date then ends for good, and a consumer that needs it stands still
in silence.

Batches are copied once on their way into a request. aiokafka copies them at each of its levels,
eight times in all, into megabytes that the kernel has to find anew: up to 1 µs a record.
"""

from __future__ import annotations

import struct
from collections.abc import Awaitable
from typing import Any

from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.types import Array, Bytes, Int32, Schema
from aiokafka.util import wait_for

_plain_send = AIOKafkaConnection.send


def send(connection: Any, request: Any, expect_response: bool = True) -> Awaitable[Any]:
    """In place of ``AIOKafkaConnection.send``. Raises KafkaConnectionError."""
    batches = isinstance(request, ProduceRequest) and connection._writer is not None
    try:
        if batches and expect_response:
            return _send_batches(connection, request)
        answer: Awaitable[Any] = _plain_send(connection, request, expect_response)
    except (RuntimeError, OSError) as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        place = f"{connection.host}:{connection.port}"
        raise errors.KafkaConnectionError(f"Connection at {place} broken: {error}") from error
    return answer


def install() -> None:
    """For all of aiokafka's clients in this process."""
    AIOKafkaConnection.send = send


def _send_batches(connection: Any, request: ProduceRequest) -> Awaitable[Any]:
    """As aiokafka sends any request."""
    body = request.prepare(connection._versions)
    number = connection._next_correlation_id()
    header = body.build_request_header(correlation_id=number, client_id=connection._client_id)
    pieces: list[bytes] = [header.encode()]
    encode(body.SCHEMA, [getattr(body, name) for name in body.SCHEMA.names], pieces)
    size = struct.pack(">i", sum(map(len, pieces)))
    connection._writer.write(b"".join([size, *pieces]))
    answered = connection._loop.create_future()
    connection._requests.append((number, body, answered))
    answer: Awaitable[Any] = wait_for(answered, connection._request_timeout)
    return answer


def encode(kind: Any, value: Any, pieces: list[bytes]) -> None:
    """Append the value's bytes, as ``kind.encode`` gives them, in pieces that are not copied."""
    if isinstance(kind, Schema):
        for part, one in zip(kind.fields, value, strict=True):
            encode(part, one, pieces)
    elif isinstance(kind, Array) and value is not None:
        pieces.append(Int32.encode(len(value)))
        for one in value:
            encode(kind.array_of, one, pieces)
    elif kind is Bytes and value is not None:
        pieces += (Int32.encode(len(value)), value)
    else:
        pieces.append(kind.encode(value))
