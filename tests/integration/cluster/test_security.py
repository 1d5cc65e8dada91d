"""Kafka and PostgreSQL with TLS and passwords, the passwords from files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

from services.tools.local_cluster import LocalCluster
from tests.certificates import Authority
from tests.engines import kafka, timescaledb
from tests.engines.fixtures import without
from tests.engines.found import NotAvailableError
from tests.integration.cluster.asking import rows, until

JAAS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="dipper" password="right-one" user_dipper="right-one";'
)
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
HBA = """
hostssl all dipper 127.0.0.1/32 scram-sha-256
hostssl all postgres 127.0.0.1/32 trust
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody knows."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
def guarded(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, str]]:
    """Settings for a broker that wants TLS and a password, but for the password."""
    pair = authority.server("broker")
    store = tmp_path_factory.mktemp("broker") / "store.pem"
    store.write_text(Path(pair.key).read_text() + Path(pair.certificate).read_text())
    try:
        cluster = kafka.start_cluster(
            settings={
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_SSL",
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
                "sasl.mechanism.inter.broker.protocol": "PLAIN",
                "listener.name.plaintext.plain.sasl.jaas.config": JAAS,
                "listener.name.plaintext.scram-sha-512.sasl.jaas.config": SCRAM,
                "listener.name.plaintext.ssl.keystore.type": "PEM",
                "listener.name.plaintext.ssl.keystore.location": str(store),
                "listener.name.plaintext.ssl.truststore.type": "PEM",
                "listener.name.plaintext.ssl.truststore.location": authority.file,
            },
            users={"scrambled": "right-one"},
        )
    except NotAvailableError as error:
        without("Kafka", error)
    yield {
        "DIPPER_KAFKA_SERVERS": cluster.bootstrap_servers,
        "DIPPER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "DIPPER_KAFKA_USERNAME": "dipper",
        "DIPPER_KAFKA_CA_FILE": authority.file,
    }
    cluster.stop()


class Database(NamedTuple):
    """A server that takes nothing but TLS, and from the user dipper a password."""

    port: int
    ca: str

    def address(self, user: str = "dipper:right-one", ca: str | None = None) -> str:
        """With the server's certificate and name looked at."""
        options = f"sslmode=verify-full&sslrootcert={ca or self.ca}"
        return f"postgresql://{user}@127.0.0.1:{self.port}/dipper?{options}"


@pytest.fixture(scope="module")
def database_server(authority: Authority) -> Iterator[Database]:
    pair = authority.server("database")

    def prepare(server: timescaledb.Server) -> None:
        server.settings = {
            "ssl": "on",
            "ssl_min_protocol_version": "TLSv1.2",
            "ssl_cert_file": server.give("server.pem", Path(pair.certificate).read_bytes()),
            "ssl_key_file": server.give("server.key", Path(pair.key).read_bytes()),
            "hba_file": server.give("hba.conf", HBA.encode()),
        }

    try:
        server = timescaledb.start_server(prepare)
    except NotAvailableError as error:
        without("TimescaleDB", error)
    yield Database(server.port, authority.file)
    server.remove()


@pytest.fixture
async def safe_database(database_server: Database) -> Database:
    """With an empty database of the user dipper."""
    address = database_server.address("postgres").replace("/dipper?", "/postgres?")
    connection = await asyncpg.connect(address)
    await connection.execute("DROP DATABASE IF EXISTS dipper")
    await connection.execute("DROP ROLE IF EXISTS dipper")
    await connection.execute("CREATE ROLE dipper LOGIN PASSWORD 'right-one'")
    await connection.execute("GRANT pg_read_all_settings TO dipper")
    await connection.execute("CREATE DATABASE dipper OWNER dipper")
    await connection.close()
    return database_server


async def test_with_tls_and_passwords_from_files_on_all_sides_services_run(
    guarded: Mapping[str, str], safe_database: Database, tmp_path: Path
) -> None:
    password, dsn = tmp_path / "password", tmp_path / "dsn"
    listing = tmp_path / "terminals.json"
    listing.write_text('[{"name": "SHIP-1", "kind": "ship", "token": "0123456789abcdef"}]')
    password.write_text("right-one\n")
    dsn.write_text(safe_database.address() + "\n")
    settings = {
        **guarded,
        "DIPPER_KAFKA_PASSWORD_FILE": str(password),
        "DIPPER_DSN_FILE": str(dsn),
    }
    async with LocalCluster(tmp_path / "logs", "", "", settings) as cluster:
        code, _, talk = await cluster.dipper("migrate")
        assert code == 0, talk
        await cluster.start_all()
        connection = await asyncpg.connect(safe_database.address())
        used = await connection.fetch(
            "SELECT DISTINCT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) "
            "WHERE a.usename = 'dipper'"
        )
        await connection.close()
        assert [row["ssl"] for row in used] == [True]
        assert "right-one" not in talk
        await _load_terminals(cluster, safe_database.address(), listing)


async def _load_terminals(cluster: LocalCluster, dsn: str, file: Path) -> None:
    """The list reaches the ingest and the table of a cluster that runs."""
    code, _, talk = await cluster.dipper("terminals", "load", str(file))
    assert code == 0, talk

    async def is_in_the_table() -> bool:
        found = await rows(dsn, "SELECT name, kind FROM terminals WHERE listed")
        return found == [("SHIP-1", "ship")]

    async def is_on_the_list() -> bool:
        return "dipper_terminals_listed 1.0" in await cluster.metrics()

    await until(is_in_the_table, "a row of the table", cluster)
    await until(is_on_the_list, "the list of ingest", cluster)


async def test_scram_will_do_as_well(guarded: Mapping[str, str], tmp_path: Path) -> None:
    settings = {
        **guarded,
        "DIPPER_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "DIPPER_KAFKA_USERNAME": "scrambled",
        "DIPPER_KAFKA_PASSWORD": "right-one",
    }
    async with LocalCluster(tmp_path / "logs", "", "", settings) as cluster:
        code, _, talk = await cluster.dipper("terminals", "list")
        # Logged in: what lacks is the topic.
        assert "telematics.terminal.v1" in talk or code == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"DIPPER_KAFKA_PASSWORD": "wrong-one"}, "refuses (logging in)"),
        (
            {"DIPPER_KAFKA_PASSWORD": "wrong-one", "DIPPER_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512"},
            "refuses (logging in)",
        ),
        (
            {"DIPPER_KAFKA_PASSWORD": "right-one", "DIPPER_KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"},
            "refuses (logging in)",
        ),
        ({"DIPPER_KAFKA_PASSWORD": "right-one", "DIPPER_KAFKA_CA_FILE": ""}, "no TLS with Kafka"),
    ],
    ids=["wrong password", "wrong password by SCRAM", "wrong mechanism", "unknown authority"],
)
async def test_what_the_broker_refuses_ends_a_service_with_one_sentence(
    guarded: Mapping[str, str], tmp_path: Path, change: Mapping[str, str], said: str
) -> None:
    settings = {name: value for name, value in {**guarded, **change}.items() if value}
    async with LocalCluster(tmp_path / "logs", "", "", settings) as cluster:
        member = await cluster.start("enrich")
        assert await member.wait() == 1
        told = member.log_file.read_text()
        assert said in told.splitlines()[-1]
        assert "-one" not in told
        assert "Traceback" not in told


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("wrong password", "check the password in the address"),
        ("unknown authority", "certificate is not believed"),
        ("other name", "certificate is not believed"),
        ("without TLS", "refuses"),
    ],
)
async def test_what_the_database_refuses_ends_a_command_with_one_sentence(
    safe_database: Database, stranger: Authority, tmp_path: Path, what: str, said: str
) -> None:
    address = {
        "wrong password": safe_database.address("dipper:wrong-one"),
        "unknown authority": safe_database.address(ca=stranger.file),
        "other name": safe_database.address().replace("@127.0.0.1", "@localhost"),
        "without TLS": safe_database.address().replace("verify-full", "disable"),
    }[what]
    async with LocalCluster(tmp_path / "logs", "", "", {"DIPPER_DSN": address}) as cluster:
        code, _, talk = await cluster.dipper("migrate")
    assert code == 1
    (told,) = [line for line in talk.splitlines() if not line.startswith("{")]
    assert said in told
    assert "-one" not in talk
