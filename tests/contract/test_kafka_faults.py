"""What the log on Kafka does when a real broker, or aiokafka itself, misbehaves.

The numbers in the tests' texts are those of aiokafka's issues.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from aiokafka import TopicPartition as KafkaPartition

from services.log.base import Entry, LogError, LogUnavailableError, TopicPartition
from services.log.kafka import KafkaLog
from services.log.kafka_connection import KafkaSecurity, KafkaTimeouts
from tests.contract.backends import drain, entries, settle, topic
from tests.engines import kafka
from tests.engines.fixtures import without
from tests.engines.found import NotAvailableError, free_ports

QUICK = KafkaTimeouts(request=2.0, start=5.0, stop=2.0, delivery=3.0, session=2.0, stall=1.0)
PATIENT = QUICK._replace(delivery=60.0, start=30.0, stall=3.0)


async def test_a_broker_that_is_not_there_is_unavailable() -> None:
    (port,) = free_ports(1)
    with pytest.raises(LogUnavailableError, match=f"127.0.0.1:{port}"):
        async with KafkaLog(f"127.0.0.1:{port}", timeouts=QUICK):
            raise AssertionError("it was entered")


async def test_a_broker_that_goes_away_is_unavailable_and_serves_again(
    kafka_cluster: kafka.Cluster,
) -> None:
    (broker,) = kafka_cluster.brokers
    async with KafkaLog(broker.address, timeouts=QUICK) as log:
        name = await topic(log, "away", partitions=1)
        consumer = await log.consumer("readers", [name])
        await log.append(name, entries(5))
        await drain(consumer, 5, commit=True)
        broker.kill()
        with pytest.raises(LogUnavailableError):
            await log.append(name, entries(1, start=5))
        with pytest.raises(LogUnavailableError):
            await log.ping()
        with pytest.raises(LogUnavailableError):
            await consumer.commit({TopicPartition(name, 0): 5})
        await asyncio.to_thread(broker.start)
        values = await _append_until_taken(log, name, start=5)
        read: list[bytes | None] = []
        async with asyncio.timeout(60):
            while not set(values) <= set(read):
                try:
                    for batch in await consumer.poll(0.5):
                        read.extend(record.value for record in batch.records)
                except LogUnavailableError:
                    continue
        await log.ping()
        await consumer.close()
    assert list(dict.fromkeys(read)) == values


async def test_an_append_outlasts_a_broker_restart(kafka_cluster: kafka.Cluster) -> None:
    (broker,) = kafka_cluster.brokers
    async with KafkaLog(broker.address, timeouts=PATIENT) as log:
        name = await topic(log, "restart", partitions=2)
        await log.append(name, entries(10))
        broker.kill()
        appending = asyncio.create_task(log.append(name, entries(10, start=10)))
        await asyncio.to_thread(broker.start)
        ends = await appending
        for number, end in ends.items():
            assert (await log.end_offsets(name))[number] == end
        consumer = await log.consumer("readers", [name])
        found = await drain(consumer, sum((await log.end_offsets(name)).values()))
        await consumer.close()
    values = {record.value for records in found.values() for record in records}
    assert values == {entry.value for entry in entries(20)}


async def test_a_producer_out_of_sequence_is_replaced(kafka_address: str) -> None:
    """1017: after one lost sequence number aiokafka's producer never delivers again."""
    async with KafkaLog(kafka_address) as log:
        name = await topic(log, f"sequence-{time.time_ns()}", partitions=1)
        await log.append(name, entries(3))
        broken = log._writer._producer
        assert broken is not None
        broken._txn_manager.increment_sequence_number(KafkaPartition(name, 0), 7)
        assert await log.append(name, entries(3, start=3)) == {0: 6}
        assert await log.append(name, entries(3, start=6)) == {0: 9}
        assert log._writer._producer is not broken


async def test_a_consumer_whose_fetching_has_died_is_made_anew(kafka_address: str) -> None:
    """1037: no record and no error, though there are records."""
    async with KafkaLog(kafka_address, timeouts=PATIENT._replace(stall=0.5)) as log:
        name = await topic(log, f"dead-fetch-{time.time_ns()}", partitions=2)
        consumer = await log.consumer(f"readers-{name}", [name])
        await settle(consumer, share=[2])
        await log.append(name, entries(20, keys=20))
        await drain(consumer, 20, commit=True)
        generation = consumer.generation
        fetcher = consumer._inner._fetcher
        for task in (fetcher._fetch_task, *fetcher._pending_tasks):
            task.cancel()
        await log.append(name, entries(20, keys=20, start=20))
        found = await drain(consumer, 20)
        assert consumer.generation > generation
        await consumer.close()
    values = {record.value for records in found.values() for record in records}
    assert values == {entry.value for entry in entries(20, keys=20, start=20)}


async def test_a_member_that_slept_through_its_session_joins_again(kafka_address: str) -> None:
    """847: a blocked event loop, as after SIGSTOP, makes the group forget the member."""
    async with KafkaLog(kafka_address, timeouts=PATIENT) as log:
        name = await topic(log, f"slept-{time.time_ns()}", partitions=1)
        consumer = await log.consumer(f"readers-{name}", [name])
        await settle(consumer, share=[1])
        await log.append(name, entries(5))
        await drain(consumer, 5)
        time.sleep(PATIENT.session + 1.5)  # noqa: ASYNC251 - the fault itself
        await log.append(name, entries(5, start=5))
        values: list[bytes | None] = []
        async with asyncio.timeout(60):
            while len(set(values)) < 10:
                for batch in await consumer.poll(0.5):
                    values.extend(record.value for record in batch.records)
        await consumer.commit({TopicPartition(name, 0): 10})
        assert await consumer.committed() == {TopicPartition(name, 0): 10}
        await consumer.close()
    assert set(values) == {entry.value for entry in entries(10)}


async def test_a_zombie_may_not_commit_what_it_lost(kafka_address: str) -> None:
    async with KafkaLog(kafka_address, timeouts=PATIENT) as log:
        name = await topic(log, f"zombie-{time.time_ns()}", partitions=1)
        source = TopicPartition(name, 0)
        await log.append(name, entries(10))
        zombie = await log.consumer(f"readers-{name}", [name])
        await drain(zombie, 10)
        # The group forgets the member, as it does with one that was stopped for too long.
        await zombie._inner._coordinator._maybe_leave_group()
        async with KafkaLog(kafka_address, timeouts=PATIENT) as other:
            heir = await other.consumer(f"readers-{name}", [name])
            with pytest.raises(LogError, match="another member"):
                await zombie.commit({source: 10})
            await heir.close()
        await zombie.close()


async def test_closing_ends_although_the_broker_is_frozen(kafka_cluster: kafka.Cluster) -> None:
    """1101: stop() can wait for ever."""
    (broker,) = kafka_cluster.brokers
    async with asyncio.timeout(60):
        async with KafkaLog(broker.address, timeouts=QUICK) as log:
            name = await topic(log, "frozen", partitions=1)
            consumer = await log.consumer("readers", [name])
            await log.append(name, entries(5))
            await drain(consumer, 5)
            broker.freeze()
            with pytest.raises(LogUnavailableError):
                await log.append(name, entries(5))
            await consumer.close()
    broker.thaw()
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert left == [], left


async def test_many_appends_to_one_partition_wait_for_their_turn_and_are_not_repeated(
    kafka_address: str, caplog: pytest.LogCaptureFixture
) -> None:
    """aiokafka takes one batch a partition at a time, and counts the wait for that several times
    over: of many who wait most would be told that their time is up."""
    async with KafkaLog(kafka_address, timeouts=PATIENT) as log:
        name = await topic(log, f"many-{time.time_ns()}", partitions=1)
        appends = (log.append(name, entries(1, start=number)) for number in range(400))
        ends = await asyncio.gather(*appends)
        assert sorted(end for (end,) in (found.values() for found in ends)) == [*range(1, 401)]
    assert "tried again" not in caplog.text


async def test_a_record_that_no_broker_takes_is_an_error_at_once(kafka_address: str) -> None:
    async with KafkaLog(kafka_address) as log:
        name = await topic(log, f"huge-{time.time_ns()}", partitions=1)
        with pytest.raises(LogError, match="MessageSizeTooLarge") as caught:
            await log.append(name, [Entry(b"k", bytes(3 << 20))])
        assert not isinstance(caught.value, LogUnavailableError)
        assert await log.append(name, entries(2)) == {0: 2}


@pytest.fixture(scope="module")
def guarded_cluster() -> Iterator[kafka.Cluster]:
    """A broker that asks clients for a password."""
    jaas = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        'username="broker" password="b" user_broker="b" user_dipper="right";'
    )
    try:
        cluster = kafka.start_cluster(
            settings={
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT",
                "sasl.enabled.mechanisms": "PLAIN",
                "sasl.mechanism.inter.broker.protocol": "PLAIN",
                "listener.name.plaintext.plain.sasl.jaas.config": jaas,
            }
        )
    except NotAvailableError as error:
        without("Kafka", error)
    yield cluster
    cluster.stop()


async def test_the_right_password_opens_the_log(guarded_cluster: kafka.Cluster) -> None:
    security = KafkaSecurity("SASL_PLAINTEXT", "PLAIN", "dipper", "right")
    async with KafkaLog(guarded_cluster.bootstrap_servers, security=security) as log:
        name = await topic(log, "guarded", partitions=1)
        assert await log.append(name, entries(1)) == {0: 1}


async def test_a_wrong_password_is_an_error_and_not_an_outage(
    guarded_cluster: kafka.Cluster,
) -> None:
    security = KafkaSecurity("SASL_PLAINTEXT", "PLAIN", "dipper", "wrong")
    log = KafkaLog(guarded_cluster.bootstrap_servers, security=security, timeouts=QUICK)
    with pytest.raises(LogError, match=r"refuses \(logging in\)") as caught:
        async with log:
            raise AssertionError("it was entered")
    assert not isinstance(caught.value, LogUnavailableError)
    assert "wrong" not in str(caught.value)


async def _append_until_taken(log: KafkaLog, name: str, start: int) -> list[bytes | None]:
    """Append one entry as a service does, again and again; its value in a list."""
    (entry,) = entries(1, start=start)
    for _ in range(20):
        try:
            await log.append(name, [entry])
        except LogUnavailableError:
            continue
        return [entry.value]
    raise AssertionError("the broker is back, and takes nothing")
