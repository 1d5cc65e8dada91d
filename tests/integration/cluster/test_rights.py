"""A service that Kafka does not let do its work says which right it lacks, and ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.tools.local_cluster import LocalCluster
from tests.engines import kafka
from tests.engines.fixtures import without
from tests.engines.found import NotAvailableError
from tests.engines.kafka_acls import (
    ADMIN,
    ADMIN_PASSWORD,
    GUARDED,
    USER,
    USER_PASSWORD,
    deny,
)
from tests.faults.streams import line

EXIT_FAILED = 1
AS_USER = {"DIPPER_KAFKA_USERNAME": USER, "DIPPER_KAFKA_PASSWORD": USER_PASSWORD}


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """Servers of a broker with an authorizer."""
    try:
        cluster = kafka.start_cluster(settings=GUARDED)
    except NotAvailableError as error:
        without("Kafka", error)
    yield cluster.bootstrap_servers
    cluster.stop()


@pytest.fixture
async def services(guarded: str, database: str, tmp_path: Path) -> AsyncIterator[LocalCluster]:
    """Topics and tables that somebody with all rights has made, and no service yet."""
    settings = {
        "DIPPER_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "DIPPER_KAFKA_USERNAME": ADMIN,
        "DIPPER_KAFKA_PASSWORD": ADMIN_PASSWORD,
        "DIPPER_PARTITIONS": "2",
    }
    async with LocalCluster(tmp_path / "services", guarded, database, settings) as cluster:
        code, _, talk = await cluster.dipper("migrate")
        assert code == 0, talk
        cluster.environment.update(AS_USER)
        yield cluster


async def test_services_run_until_a_right_is_taken_away_and_then_each_names_it(
    services: LocalCluster, guarded: str
) -> None:
    """In one test, as rules stay: first all may be done, then more and more may not."""
    await services.start_all()
    ingest, enrich, store = services.members

    await deny(guarded, "Write", "topic", "telematics.fix.v1")
    host, _, port = services.tcp.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    rmc = line(b"GNRMC,120000.00,A,2800.0000,N,12100.0000,E,10.0,90.0,230526,,,A")
    writer.write(line(b"PDPR,LOGIN,BOAT-1,x") + line(b"PDPR,ACK,ON") + rmc)
    writer.write_eof()
    assert b"ACK,3" not in await reader.read()
    writer.close()
    assert await ingest.wait() == EXIT_FAILED, ingest.last_words()
    said = ingest.log_file.read_text()
    assert "Traceback" not in said
    assert "Write on topic telematics.fix.v1" in said.splitlines()[-1]

    await deny(guarded, "Read", "group", "enrich")
    assert await enrich.wait() == EXIT_FAILED, enrich.last_words()
    assert "Traceback" not in enrich.log_file.read_text()
    assert "Read on group enrich" in enrich.log_file.read_text().splitlines()[-1]

    await deny(guarded, "Read", "topic", "telematics.message.v1")
    await deny(guarded, "Describe", "topic", "telematics.reject.v1")
    await deny(guarded, "DescribeConfigs", "topic", "telematics.tally.v1")
    await store.stop()
    services.members.clear()
    told = {
        "ingest": [
            "Write on topic telematics.fix.v1",
            "Write on topic telematics.reject.v1",
            "DescribeConfigs on topic telematics.tally.v1",
        ],
        "enrich": ["Read on group enrich"],
        "store": [
            "Read on topic telematics.message.v1",
            "Read on topic telematics.reject.v1",
            "DescribeConfigs on topic telematics.tally.v1",
        ],
    }
    for service, lacking in told.items():
        member = await services.start(service)
        assert await member.wait() == EXIT_FAILED, member.last_words()
        said = member.log_file.read_text()
        assert "Traceback" not in said
        last = said.splitlines()[-1]
        assert f"does not give the user {USER} these rights" in last
        for right in lacking:
            assert right in last
        assert USER_PASSWORD not in said
    services.members.clear()
