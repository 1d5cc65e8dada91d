"""TimescaleDB for tests: Debian 13's packages, on the machine or in a root folder of their own."""

from __future__ import annotations

import os
import shutil
import signal
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.engines.found import (
    CACHE,
    NotAvailableError,
    Process,
    alone,
    answers,
    free_ports,
    run,
)

PROGRAMS = Path("/usr/lib/postgresql/17/bin")
EXTENSION = Path("/usr/share/postgresql/17/extension/timescaledb.control")
PACKAGES = ("postgresql-17", "postgresql-17-timescaledb")
ROOT = CACHE / "timescaledb-trixie"
SETTINGS = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",
    "shared_buffers": "128MB",
    "max_connections": "60",
    "timezone": "UTC",
}


def root() -> Path:
    """The root folder that holds TimescaleDB: ``/``, or one that debootstrap made on the first
    call. Raises NotAvailableError."""
    if EXTENSION.exists():
        return Path("/")
    if os.geteuid() != 0:
        raise NotAvailableError(
            f"TimescaleDB needs the Debian packages {', '.join(PACKAGES)}, or root to make a "
            "folder with them by debootstrap; or set DIPPER_TEST_DSN"
        )
    if shutil.which("debootstrap") is None:
        raise NotAvailableError(
            "TimescaleDB needs debootstrap: run `python -m tests.engines.provision` as root once"
        )
    with alone("timescaledb"):
        if not (ROOT / "provisioned").exists():
            shutil.rmtree(ROOT, ignore_errors=True)
            include = f"--include={','.join(PACKAGES)}"
            command = ["debootstrap", "--variant=minbase", include, "trixie", ROOT]
            run(command, what="making a Debian 13 folder with TimescaleDB", timeout_s=1_200.0)
            shutil.rmtree(ROOT / "var/cache/apt/archives", ignore_errors=True)
            (ROOT / "provisioned").touch()
    return ROOT


@dataclass(slots=True)
class Server:
    """A PostgreSQL 17 server with TimescaleDB; it keeps its data over stop and start."""

    root: Path
    inner_home: Path
    """Its directory as the server sees it, inside ``root``."""
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)
    """Besides ``SETTINGS``."""
    process: Process | None = field(default=None)

    @property
    def home(self) -> Path:
        """Its directory as this process sees it."""
        return self.root / self.inner_home.relative_to("/")

    @property
    def dsn(self) -> str:
        """For asyncpg; a superuser of the database ``postgres``."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        settings = {**SETTINGS, **self.settings}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        options += ["-p", str(self.port), "-D", str(self.inner_home / "data")]
        self.process = Process(
            [*self._inside(), PROGRAMS / "postgres", *options], self.home / "output.log"
        )
        self.process.wait_until(self._takes_connections, "TimescaleDB")

    def stop(self) -> None:
        """Stop it fast: connections are cut, data is written."""
        if self.process is not None:
            self.process.stop(signal.SIGINT)

    def kill(self) -> None:
        """kill -9 of the whole server."""
        if self.process is not None:
            self.process.kill()

    def remove(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def initialise(self) -> None:
        """Make an empty database cluster."""
        self.home.mkdir(parents=True)
        if os.geteuid() == 0:
            # The ids are those of the root folder, which this machine need not know.
            owner = (self.root / "var/lib/postgresql").stat()
            os.chown(self.home, owner.st_uid, owner.st_gid)
        options = ["-D", str(self.inner_home / "data"), "-U", "postgres", "-A", "trust"]
        options += ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        run([*self._inside(), PROGRAMS / "initdb", *options], what="initdb")

    def give(self, name: str, content: bytes) -> str:
        """Put a file that only the server may read into its directory; its path there."""
        place = self.home / name
        place.write_bytes(content)
        place.chmod(0o600)
        owner = self.home.stat()
        os.chown(place, owner.st_uid, owner.st_gid)
        return str(self.inner_home / name)

    def _inside(self) -> list[str | Path]:
        if os.geteuid() != 0:
            return []
        # The tie to this process is lost when the user changes, so it is made after that.
        user = ["--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=KILL"]
        return ["chroot", self.root, "setpriv", *user]

    def _takes_connections(self) -> bool:
        assert self.process is not None
        return answers(self.port) and "ready to accept connections" in self.process.said()


def start_server(prepare: Callable[[Server], None] = lambda server: None) -> Server:
    """A new, empty server; ``prepare`` may change it before it starts. Raises NotAvailableError."""
    (port,) = free_ports(1)
    place = root()
    server = Server(place, Path("/var/tmp") / f"dipper-{uuid.uuid4().hex[:12]}", port)
    try:
        server.initialise()
        prepare(server)
        server.start()
    except BaseException:
        server.remove()
        raise
    return server
