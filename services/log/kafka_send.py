"""aiokafka on uvloop: a write to a connection that is gone is an error of the connection.

asyncio's own transports let such a write pass; uvloop's raise RuntimeError, which aiokafka 0.14
does not expect: the task that keeps its client's metadata up to date then ends for good, and a
consumer that needs it stands still in silence.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection, CloseReason

_plain_send = AIOKafkaConnection.send


def send(connection: Any, request: Any, expect_response: bool = True) -> Awaitable[Any]:
    """In place of ``AIOKafkaConnection.send``. Raises KafkaConnectionError."""
    try:
        answer: Awaitable[Any] = _plain_send(connection, request, expect_response)
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        place = f"{connection.host}:{connection.port}"
        raise errors.KafkaConnectionError(f"Connection at {place} broken: {error}") from error
    return answer


def install() -> None:
    """For all of aiokafka's clients in this process."""
    AIOKafkaConnection.send = send
