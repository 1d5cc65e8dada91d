"""Get the engines that the tests need: ``python -m tests.engines.provision``.

As root on Debian it installs with apt-get what is missing (a Java runtime, Maven, debootstrap,
Node.js, Chromium), then it fills the cache outside the clone with Kafka's jars, a folder with
TimescaleDB, the community edition in WebAssembly and Prometheus, and tries each once. Exit code 0
if all work, 1 otherwise.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping

from tests.engines import chromium, docker, kafka, pglite, prometheus, timescaledb
from tests.engines.found import CACHE, NotAvailableError, run

SERVER_TOOLS = {"java": "default-jre-headless", "mvn": "maven", "debootstrap": "debootstrap"}
COMMUNITY_TOOLS = {"node": "nodejs", "npm": "npm"}


def say(text: str) -> None:
    """Talk goes to standard error."""
    print(text, file=sys.stderr, flush=True)


def install_tools(tools: Mapping[str, str]) -> None:
    """Install with apt-get what is missing of command → package; raises NotAvailableError."""
    needed = [tool for tool in tools if shutil.which(tool) is None]
    if timescaledb.EXTENSION.exists() and "debootstrap" in needed:
        needed.remove("debootstrap")
    if not needed:
        return
    packages = [tools[tool] for tool in needed]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NotAvailableError(
            f"please install {', '.join(packages)}: that needs root and apt-get"
        )
    say(f"installing {', '.join(packages)} with apt-get")
    run(["apt-get", "-q", "update"], what="apt-get update")
    install = ["apt-get", "-q", "install", "-y", "--no-install-recommends"]
    run([*install, *packages], what="apt-get install")


def provision_servers() -> None:
    """Kafka and TimescaleDB's Apache-2 edition. Raises NotAvailableError."""
    install_tools(SERVER_TOOLS)
    say(f"Kafka into {CACHE}")
    cluster = kafka.start_cluster()
    say(f"Kafka runs on {cluster.bootstrap_servers}; stopping it")
    cluster.stop()
    say(f"TimescaleDB into {CACHE} (about a minute on the first call)")
    server = timescaledb.start_server()
    say(f"TimescaleDB runs on {server.dsn}; stopping it")
    server.remove()


def provision_community() -> None:
    """TimescaleDB's community edition. Raises NotAvailableError."""
    install_tools(COMMUNITY_TOOLS)
    say(f"TimescaleDB's community edition into {CACHE}")
    server = pglite.start_server()
    say(f"it runs on {server.dsn}; stopping it")
    server.remove()


def provision_browser() -> None:
    """Chromium. Raises NotAvailableError."""
    try:
        path = chromium.find()
    except NotAvailableError:
        install_tools({"chromium": "chromium"})
        path = chromium.find()
    said = run([path, "--version"], what="asking Chromium for its version", timeout_s=60.0)
    say(f"{said.strip()} at {path}")


def provision_prometheus() -> None:
    """Prometheus and promtool. Raises NotAvailableError."""
    said = run([prometheus.promtool(), "--version"], what="asking promtool for its version")
    say(said.splitlines()[0])


def main() -> int:
    """Provision and try all engines; says what it does."""
    try:
        if docker.works():
            say("Docker answers: the tests run Kafka and TimescaleDB as containers")
        else:
            provision_servers()
        provision_community()
        provision_browser()
        provision_prometheus()
    except NotAvailableError as error:
        say(f"not provisioned: {error}")
        return 1
    say("all engines work")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
