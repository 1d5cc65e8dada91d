"""The engines as containers, where Docker answers."""

from __future__ import annotations

import shutil
import subprocess
import time

from tests.engines.found import NotAvailableError, run

KAFKA_IMAGE = "apache/kafka:4.1.1"
TIMESCALEDB_IMAGE = "timescale/timescaledb:2.19.3-pg17-oss"
"""The Apache-2 edition, as in Debian's packages."""


def works() -> bool:
    """Whether there is a Docker daemon that answers."""
    if shutil.which("docker") is None:
        return False
    try:
        asked = subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def start(image: str, port: int, inner_port: int, environment: dict[str, str]) -> str:
    """Start a container with its port on 127.0.0.1; gives its id. Raises NotAvailableError."""
    variables = [part for name, value in environment.items() for part in ("-e", f"{name}={value}")]
    publish = ["-p", f"127.0.0.1:{port}:{inner_port}"]
    said = run(["docker", "run", "-d", "--rm", *publish, *variables, image], what=f"docker {image}")
    return said.strip().splitlines()[-1]


def wait_until_said(container: str, text: str, times: int = 1, timeout_s: float = 90.0) -> None:
    """Wait until the container's output holds ``text`` so many times (a published port answers
    before the server behind it does). Raises NotAvailableError."""
    deadline = time.monotonic() + timeout_s
    while True:
        said = run(["docker", "logs", container], what="docker logs")
        if said.count(text) >= times:
            return
        if time.monotonic() > deadline:
            raise NotAvailableError(f"the container did not start: {said[-600:]}")
        time.sleep(0.3)


def stop(container: str) -> None:
    """Stop a container; it removes itself."""
    try:
        run(["docker", "stop", "-t", "5", container], what="docker stop", timeout_s=60.0)
    except NotAvailableError as error:
        print(f"a container was left behind: {error}")


def kafka_environment(port: int) -> dict[str, str]:
    """Settings of the Kafka image for one broker that clients reach on 127.0.0.1:``port``."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }
