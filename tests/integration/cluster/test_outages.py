"""What is away is waited for, and told; what no waiting mends ends the process with a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.tools.local_cluster import LocalCluster
from services.tools.local_member import Member
from tests.engines.found import free_ports
from tests.engines.kafka import Cluster
from tests.engines.timescaledb import Server
from tests.integration.cluster.asking import rows, until

EXIT_FAILED = 1
STOPS_WITHIN_S = 5.0
SERVICES = ("ingest", "enrich", "store")
AWAY = {"ingest": ["Kafka"], "enrich": ["Kafka"], "store": ["Kafka", "the database"]}


async def not_ready(member: Member) -> Mapping[str, str]:
    """The checks of /readyz, once it has said that the service is not ready."""
    found: dict[str, str] = {}

    async def is_told() -> bool:
        answer = await member.get("/readyz", status=503)
        if answer is not None:
            found.update(json.loads(answer)["checks"])
        return bool(found) and not any("not connected yet" in text for text in found.values())

    await until(is_told, "/readyz with 503 and a reason")
    return found


async def sentence(cluster: LocalCluster, service: str, **settings: str) -> str:
    """The last line of a service that ends by itself with exit code 1."""
    member = await cluster.start(service, settings)
    assert await member.wait() == EXIT_FAILED, member.last_words()
    said = member.log_file.read_text()
    cluster.members.remove(member)
    assert "Traceback" not in said
    return said.splitlines()[-1]


def warnings(member: Member) -> list[str]:
    return re.findall(r".* (?:WARNING|ERROR) .*", member.log_file.read_text())


@pytest.mark.parametrize("service", SERVICES)
async def test_without_a_broker_a_service_waits_tells_it_once_and_stops_when_told(
    tmp_path: Path, service: str
) -> None:
    (port,) = free_ports(1)
    nowhere = f"127.0.0.1:{port}"
    dsn = f"postgresql://dipper@{nowhere}/dipper"
    async with LocalCluster(tmp_path, nowhere, dsn) as cluster:
        member = await cluster.start(service)
        await until(_answers(member), "the HTTP port", cluster)
        checks = await not_ready(member)
        assert nowhere in checks["log"]
        assert await member.get("/healthz") is not None
        assert await member.stop() < STOPS_WITHIN_S
        assert member.returncode == 0
        about = [line.split(": ")[1] for line in warnings(member)]
        assert sorted(about) == sorted(f"connecting to {one}" for one in AWAY[service])


async def test_a_service_that_was_there_first_goes_on_when_broker_and_database_come(
    kafka_cluster: Cluster, timescaledb_server: Server, tmp_path: Path
) -> None:
    async with LocalCluster(
        tmp_path, kafka_cluster.bootstrap_servers, timescaledb_server.dsn
    ) as cluster:
        code, _, talk = await cluster.dipper("migrate")
        assert code == 0, talk
        kafka_cluster.brokers[0].stop()
        timescaledb_server.stop()
        member = await cluster.start("store")
        await until(_answers(member), "the HTTP port", cluster)
        assert "log" in await not_ready(member)
        kafka_cluster.start()

        async def only_the_database_is_away() -> bool:
            checks = json.loads(await member.get("/readyz", status=503) or '{"checks": {}}')
            answers = checks["checks"]
            return answers.get("log") == "ok" and "does not answer" in answers["database"]

        await until(only_the_database_is_away, "the broker's return", cluster)
        timescaledb_server.start()
        await member.ready()


async def test_a_broker_that_goes_away_shows_in_readyz_and_a_stop_does_not_wait_for_it(
    cluster: LocalCluster, kafka_cluster: Cluster
) -> None:
    await cluster.start_all()
    kafka_cluster.brokers[0].freeze()
    for member in cluster.members:
        assert set(await not_ready(member)) >= {"log"}
    for member in cluster.members:
        assert await member.stop() < STOPS_WITHIN_S + 1, member.last_words()
        assert member.returncode == 0, member.last_words()
    kafka_cluster.brokers[0].thaw()


async def test_services_live_through_a_restart_of_the_broker(
    cluster: LocalCluster, kafka_cluster: Cluster
) -> None:
    await cluster.start_all()
    kafka_cluster.brokers[0].kill()
    for member in cluster.members:
        assert set(await not_ready(member)) >= {"log"}
    kafka_cluster.start()
    for member in cluster.members:
        await member.ready()


async def test_missing_topics_are_named_with_what_helps(bare: LocalCluster) -> None:
    servers = bare.environment.pop("DIPPER_KAFKA_SERVERS")
    code, _, talk = await bare.dipper("migrate")
    assert code == 0, talk
    bare.environment["DIPPER_KAFKA_SERVERS"] = servers
    for service in SERVICES:
        said = await sentence(bare, service)
        assert "telematics." in said
        assert "run `dipper migrate`" in said


async def test_a_database_without_tables_or_of_another_version_is_one_sentence(
    cluster: LocalCluster, database: str
) -> None:
    await rows(
        database,
        "INSERT INTO schema_migrations VALUES (9000, 'from_the_future', 'x', now(), NULL) "
        "RETURNING 1",
    )
    assert "9000_from_the_future" in await sentence(cluster, "store")
    await rows(database, "DELETE FROM schema_migrations WHERE version > 1 RETURNING 1")
    assert "lacks 0002_" in await sentence(cluster, "store")
    await rows(database, "DROP TABLE schema_migrations")
    assert "has no tables of Dipper: run `dipper migrate`" in await sentence(cluster, "store")


async def test_a_database_that_does_not_know_the_user_or_the_name_is_one_sentence(
    cluster: LocalCluster, database: str
) -> None:
    said = await sentence(cluster, "store", DIPPER_DSN=database + "_not_there")
    assert "does not exist" in said
    said = await sentence(
        cluster, "store", DIPPER_DSN=database.replace("postgres@", "stranger:hush@")
    )
    assert "stranger" in said
    assert "hush" not in said


async def test_all_wrong_settings_are_told_at_once_and_no_secret_among_them(
    tmp_path: Path,
) -> None:
    settings = {
        "DIPPER_HTTP_PORT": "ninety",
        "DIPPER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "DIPPER_KAFKA_PASSWORD": "hush-1",
        "DIPPER_KAFKA_CA_FILE": "/not/there.pem",
        "DIPPER_KAKFA_USERNAME": "x",
        "DIPPER_DSN": "postgresql://dipper:hush/2@127.0.0.1/dipper",
    }
    async with LocalCluster(tmp_path, "no-port", "", settings) as cluster:
        member = await cluster.start("store")
        assert await member.wait() == EXIT_FAILED
        cluster.members.clear()
    said = member.log_file.read_text()
    for name in (*settings.keys() - {"DIPPER_KAFKA_PASSWORD"}, "DIPPER_KAFKA_USERNAME"):
        assert name in said
    assert "DIPPER_KAFKA_SERVERS='no-port'" in said
    assert "hush" not in said
    assert "Traceback" not in said


def _answers(member: Member):  # type: ignore[no-untyped-def]
    async def answers() -> bool:
        return member.http is not None

    return answers
