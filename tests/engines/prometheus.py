"""Prometheus and promtool for tests, from Debian's package."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.engines.found import NotAvailableError, Process, alone, answers, free_ports, run

PACKAGE = "prometheus"
PROGRAMS = ("prometheus", "promtool")


def programs() -> Path:
    """The directory that holds both programs: where the machine has them, else the cache, which
    the first call fills with Debian's package. Raises NotAvailableError."""
    found = [shutil.which(name) for name in PROGRAMS]
    if found[0] and found[1]:
        return Path(found[0]).parent
    with alone("prometheus") as cache:
        home = cache / "prometheus"
        if not home.exists():
            partial = cache / "prometheus.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            _unpack(partial)
            partial.rename(home)
        return home / "usr/bin"


def promtool() -> Path:
    """The program that checks and tests rules. Raises NotAvailableError."""
    return programs() / "promtool"


def _unpack(folder: Path) -> None:
    """Debian's package, downloaded without installing it, so that no root is needed."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise NotAvailableError(
                f"Prometheus is not installed, and without {tool} its Debian package can't be "
                "fetched: put prometheus and promtool into the PATH"
            )
    download = ["sh", "-c", f"cd '{folder}' && apt-get -q download {PACKAGE}"]
    try:
        run(download, what="downloading Prometheus with apt-get")
    except NotAvailableError:
        if os.geteuid() != 0:
            raise
        run(["apt-get", "-q", "update"], what="apt-get update")
        run(download, what="downloading Prometheus with apt-get")
    (package,) = folder.glob("*.deb")
    run(["dpkg-deb", "-x", package, folder], what="unpacking Prometheus")
    package.unlink()


@dataclass(slots=True)
class Prometheus:
    """A server of a test's own, with the configuration file in its home."""

    home: Path
    port: int
    process: Process | None = field(default=None)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.process = Process(
            [
                programs() / "prometheus",
                f"--config.file={self.home / 'prometheus.yml'}",
                f"--storage.tsdb.path={self.home / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=warn",
            ],
            self.home / "output.log",
        )
        self.process.wait_until(self._is_ready, "Prometheus")

    def get(self, path: str, **parameters: str) -> Any:
        """The data of an answer of its API. Raises OSError, also for a query that is wrong."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]

    def remove(self) -> None:
        """Stop it and remove its data."""
        if self.process is not None:
            self.process.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def _is_ready(self) -> bool:
        if not answers(self.port):
            return False
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def new_server() -> Prometheus:
    """A server with an empty home, not started. Raises NotAvailableError."""
    programs()
    (port,) = free_ports(1)
    return Prometheus(Path(tempfile.mkdtemp(prefix="dipper-prometheus-")), port)
