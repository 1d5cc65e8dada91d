"""What becomes of a producer that is thrown away."""

from __future__ import annotations

import asyncio

from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import MessageAccumulator

from services.log.kafka_connection import KafkaConnection, KafkaSecurity, KafkaTimeouts
from services.log.kafka_writer import _abort

CONNECTION = KafkaConnection("127.0.0.1:1", KafkaSecurity(), KafkaTimeouts(stop=0.01), "test")


class Client:
    closed = False

    async def close(self) -> None:
        self.closed = True


class Producer:
    """Ends as aiokafka's do: with an error of any kind, or not at all."""

    def __init__(self, ends_with: Exception | None) -> None:
        self.client = Client()
        self.ends_with = ends_with
        self._message_accumulator = MessageAccumulator(None, 1024, 0, 30)

    async def stop(self) -> None:
        if self.ends_with is None:
            await asyncio.Event().wait()
        else:
            raise self.ends_with


async def test_its_connections_are_closed_whatever_it_ends_with() -> None:
    for ends_with in (KeyError("a batch"), KafkaError(), None):
        producer = Producer(ends_with)
        await _abort(producer, CONNECTION)
        assert producer.client.closed
