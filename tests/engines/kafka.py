"""Apache Kafka 4 (KRaft) for tests, from Maven Central's jars, run with ``java``."""

from __future__ import annotations

import base64
import shutil
import signal
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.engines.found import (
    NotAvailableError,
    Process,
    alone,
    answers,
    free_ports,
    run,
)

POM = Path(__file__).with_name("kafka-pom.xml")
HEAP = "384m"
HEAP_OF_SEVERAL = "256m"
"""Of each broker where there are more than one."""


def jars() -> Path:
    """The directory with the broker's jars, downloaded on the first call."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise NotAvailableError(
                f"Kafka needs {tool}: run `python -m tests.engines.provision` as root once"
            )
    with alone("kafka") as cache:
        digest = uuid.uuid5(uuid.NAMESPACE_OID, POM.read_text()).hex[:12]
        home = cache / f"kafka-{digest}"
        if not home.exists():
            partial = cache / f"kafka-{digest}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            goal = ["dependency:copy-dependencies", "-DincludeScope=runtime"]
            run(
                ["mvn", "-q", "-B", "-f", POM, *goal, f"-DoutputDirectory={partial}"],
                what="downloading Kafka with Maven",
            )
            partial.rename(home)
    return home


@dataclass(slots=True)
class Broker:
    """One node, broker and controller in one; it keeps its data over stop and start."""

    node_id: int
    port: int
    controller_port: int
    home: Path
    jars: Path
    compile_fully: bool = False
    """Slower to start and faster once warm: for load tests."""
    heap: str = HEAP
    process: Process | None = field(default=None)

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> None:
        """Start it and wait until it listens."""
        self.process = Process(
            [
                *_java(self.jars, self.compile_fully, self.heap),
                "kafka.Kafka",
                self.home / "server.properties",
            ],
            self.home / "output.log",
        )
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until it listens."""
        assert self.process is not None
        self.process.wait_until(lambda: answers(self.port), f"Kafka node {self.node_id}")

    def stop(self) -> None:
        """Stop it in an orderly way."""
        if self.process is not None:
            self.process.stop()

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()

    def freeze(self) -> None:
        """SIGSTOP: it is there and does not answer."""
        assert self.process is not None
        self.process.send(signal.SIGSTOP)
        self.process.wait_until(self.process.is_stopped, "freezing Kafka")

    def thaw(self) -> None:
        """SIGCONT."""
        assert self.process is not None
        self.process.send(signal.SIGCONT)


@dataclass(slots=True)
class Cluster:
    """Brokers that know one another, in a temporary directory."""

    home: Path
    brokers: Sequence[Broker]

    @property
    def bootstrap_servers(self) -> str:
        """The addresses of all brokers, as clients want them."""
        return ",".join(broker.address for broker in self.brokers)

    def start(self) -> None:
        """Start all brokers together: a controller waits for its quorum."""
        for broker in self.brokers:
            broker.start(wait=False)
        for broker in self.brokers:
            broker.wait()

    def stop(self) -> None:
        """End all and remove their data. Nobody needs an orderly stop, in which the last of several
        would wait for the others."""
        for broker in self.brokers:
            broker.kill()
        shutil.rmtree(self.home, ignore_errors=True)


def start_cluster(
    brokers: int = 1,
    settings: Mapping[str, str] | None = None,
    directory: Path | None = None,
    *,
    compile_fully: bool = False,
    users: Mapping[str, str] | None = None,
) -> Cluster:
    """Format and start a cluster; ``settings`` are added to every broker's properties, ``users``
    (passwords by name) may log in by SCRAM-SHA-512.

    ``directory`` is where its temporary directory goes, for example on a small tmpfs.
    Raises NotAvailableError.
    """
    found = jars()
    home = Path(tempfile.mkdtemp(prefix="dipper-kafka-", dir=directory))
    ports = free_ports(2 * brokers)
    nodes = [
        Broker(
            number + 1,
            ports[2 * number],
            ports[2 * number + 1],
            home / str(number + 1),
            found,
            compile_fully,
            HEAP if brokers == 1 else HEAP_OF_SEVERAL,
        )
        for number in range(brokers)
    ]
    cluster = Cluster(home, nodes)
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    try:
        for node in nodes:
            node.home.mkdir()
            properties = {**_properties(node, nodes), **(settings or {})}
            file = node.home / "server.properties"
            file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
            tool = [*_java(found), "kafka.tools.StorageTool", "format"]
            # With "=", as an id may begin with a hyphen.
            for user, password in (users or {}).items():
                tool += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]"]
            run([*tool, f"--cluster-id={cluster_id}", "-c", file], what="formatting for Kafka")
        cluster.start()
    except BaseException:
        cluster.stop()
        raise
    return cluster


def _java(found: Path, compile_fully: bool = False, heap: str = HEAP) -> list[str]:
    tier = [] if compile_fully else ["-XX:TieredStopAtLevel=1"]
    return ["java", f"-Xmx{heap}", "-Xms64m", "-XX:+UseSerialGC", *tier, "-cp", f"{found}/*"]


def _properties(node: Broker, nodes: Sequence[Broker]) -> dict[str, str]:
    copies = str(min(3, len(nodes)))
    in_sync = str(min(2, len(nodes)))
    voters = ",".join(f"{one.node_id}@127.0.0.1:{one.controller_port}" for one in nodes)
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.node_id),
        "controller.quorum.voters": voters,
        "listeners": f"PLAINTEXT://{node.address},CONTROLLER://127.0.0.1:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{node.address}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(node.home / "data"),
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # A broker that was killed may register again once its old session has ended.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # A broker that is back leads its partitions again soon.
        "leader.imbalance.check.interval.seconds": "2",
        "leader.imbalance.per.broker.percentage": "0",
        "num.network.threads": "2",
        "num.io.threads": "2",
        "log.cleaner.dedupe.buffer.size": "16777216",
    }
