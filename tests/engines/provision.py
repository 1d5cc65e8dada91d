"""Get the engines that the tests need: ``python -m tests.engines.provision``.

As root on Debian it installs with apt-get what is missing (a Java runtime, Maven, debootstrap),
then it fills the cache outside the clone with Kafka's jars and a folder with TimescaleDB, and
starts and stops each once. Exit code 0 if both work, 1 otherwise.
"""

from __future__ import annotations

import os
import shutil
import sys

from tests.engines import docker, kafka, timescaledb
from tests.engines.found import CACHE, NotAvailableError, run

TOOLS = {"java": "default-jre-headless", "mvn": "maven", "debootstrap": "debootstrap"}


def say(text: str) -> None:
    """Talk goes to standard error."""
    print(text, file=sys.stderr, flush=True)


def install_tools() -> None:
    """Install with apt-get what is missing; raises NotAvailableError."""
    needed = [tool for tool in TOOLS if shutil.which(tool) is None]
    if timescaledb.EXTENSION.exists() and "debootstrap" in needed:
        needed.remove("debootstrap")
    if not needed:
        return
    packages = [TOOLS[tool] for tool in needed]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NotAvailableError(
            f"please install {', '.join(packages)}: that needs root and apt-get"
        )
    say(f"installing {', '.join(packages)} with apt-get")
    run(["apt-get", "-q", "update"], what="apt-get update")
    install = ["apt-get", "-q", "install", "-y", "--no-install-recommends"]
    run([*install, *packages], what="apt-get install")


def main() -> int:
    """Provision and try both engines; says what it does."""
    if docker.works():
        say("Docker answers: the tests run the engines as containers")
        return 0
    try:
        install_tools()
        say(f"Kafka into {CACHE}")
        cluster = kafka.start_cluster()
        say(f"Kafka runs on {cluster.bootstrap_servers}; stopping it")
        cluster.stop()
        say(f"TimescaleDB into {CACHE} (about a minute on the first call)")
        server = timescaledb.start_server()
        say(f"TimescaleDB runs on {server.dsn}; stopping it")
        server.remove()
    except NotAvailableError as error:
        say(f"not provisioned: {error}")
        return 1
    say("both engines work")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
