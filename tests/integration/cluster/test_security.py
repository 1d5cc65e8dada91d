"""Kafka with TLS and passwords, the password from a file."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from services.tools.local_cluster import LocalCluster
from tests.engines import kafka
from tests.engines.fixtures import without
from tests.engines.found import NotAvailableError

JAAS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="dipper" password="right-one" user_dipper="right-one";'
)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """PEM of a certificate for 127.0.0.1 that vouches for itself; its key is beside it."""
    if shutil.which("openssl") is None:
        without("openssl", NotAvailableError("making a certificate needs openssl"))
    certificate, key = tmp_path / "ca.pem", tmp_path / "key.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*request, *subject, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return certificate


@pytest.fixture
def guarded(authority: Path, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """Settings for a broker that wants TLS and a password, but for the password."""
    store = tmp_path / "store.pem"
    store.write_text((tmp_path / "key.pem").read_text() + authority.read_text())
    try:
        cluster = kafka.start_cluster(
            settings={
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_SSL",
                "sasl.enabled.mechanisms": "PLAIN",
                "sasl.mechanism.inter.broker.protocol": "PLAIN",
                "listener.name.plaintext.plain.sasl.jaas.config": JAAS,
                "listener.name.plaintext.ssl.keystore.type": "PEM",
                "listener.name.plaintext.ssl.keystore.location": str(store),
                "listener.name.plaintext.ssl.truststore.type": "PEM",
                "listener.name.plaintext.ssl.truststore.location": str(authority),
            }
        )
    except NotAvailableError as error:
        without("Kafka", error)
    yield {
        "DIPPER_KAFKA_SERVERS": cluster.bootstrap_servers,
        "DIPPER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "DIPPER_KAFKA_USERNAME": "dipper",
        "DIPPER_KAFKA_CA_FILE": str(authority),
    }
    cluster.stop()


async def test_with_tls_and_the_password_from_a_file_services_run(
    guarded: Mapping[str, str], database: str, tmp_path: Path
) -> None:
    password, dsn = tmp_path / "password", tmp_path / "dsn"
    password.write_text("right-one\n")
    dsn.write_text(database + "\n")
    settings = {
        **guarded,
        "DIPPER_KAFKA_PASSWORD_FILE": str(password),
        "DIPPER_DSN_FILE": str(dsn),
    }
    async with LocalCluster(tmp_path / "logs", "", "", settings) as cluster:
        code, _, talk = await cluster.dipper("migrate")
        assert code == 0, talk
        await cluster.start_all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"DIPPER_KAFKA_PASSWORD": "wrong-one"}, "refuses (logging in)"),
        ({"DIPPER_KAFKA_PASSWORD": "right-one", "DIPPER_KAFKA_CA_FILE": ""}, "no TLS with Kafka"),
    ],
    ids=["wrong password", "unknown authority"],
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
