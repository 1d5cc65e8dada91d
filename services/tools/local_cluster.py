"""``dipper ingest``, ``enrich`` and ``store`` as child processes, for tests and load tests."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from services.tools.local_pipeline import PipelineError

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.05
SHOWN_LOG_LINES = 5
_DIPPER = (sys.executable, "-m", "services.cli")
_HTTP = re.compile(rb"health and metrics at http://(\S+)")
_TCP = re.compile(rb"terminals at (\S+)")
_TIE = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""The kernel ends a service whose parent is gone."""


class Member:
    """One service process. Its log messages go to ``log_file``."""

    def __init__(self, service: str, log_file: Path, environment: Mapping[str, str]) -> None:
        self.service = service
        self.log_file = log_file
        self._environment = dict(environment)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return None if self._process is None else self._process.returncode

    @property
    def http(self) -> str | None:
        """host:port of /metrics, /healthz and /readyz, once it has said so."""
        return self._told(_HTTP)

    @property
    def tcp(self) -> str | None:
        """host:port for terminals, once ingest has said so."""
        return self._told(_TCP)

    async def start(self) -> None:
        """Start the process."""
        with self.log_file.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *[*_TIE, *_DIPPER, self.service],
                env={**os.environ, **self._environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def ready(self) -> None:
        """Wait until it is. Raises PipelineError if it ends or time is up."""
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while await self.get("/readyz") is None or not self._is_open():
                    self.check()
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            raise PipelineError(f"{self.service} was not ready: {self.last_words()}") from error

    def check(self) -> None:
        """Raises PipelineError if it no longer runs."""
        if self.returncode is not None:
            raise PipelineError(f"dipper {self.service} ended by itself: {self.last_words()}")

    async def get(self, path: str, status: int = 200) -> str | None:
        """The body of an HTTP answer of this status; None if there is none."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
                session.get(f"http://{self.http}{path}") as answer,
            ):
                return await answer.text() if answer.status == status else None
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None

    async def stop(self) -> float:
        """SIGTERM, and kill -9 if that takes too long; how many seconds it took."""
        process = self._process
        if process is None or process.returncode is not None:
            return 0.0
        began = asyncio.get_running_loop().time()
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except BaseException:
            await self.kill()
            raise
        return asyncio.get_running_loop().time() - began

    async def kill(self) -> None:
        """kill -9."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def wait(self) -> int:
        """Wait until it ends; its exit code."""
        assert self._process is not None
        return await self._process.wait()

    def last_words(self) -> str:
        """The end of what it logged."""
        lines = self.log_file.read_text(errors="replace").splitlines()
        return " / ".join(lines[-SHOWN_LOG_LINES:]) or "it said nothing"

    def _is_open(self) -> bool:
        return self.service != "ingest" or self.tcp is not None

    def _told(self, what: re.Pattern[bytes]) -> str | None:
        found = what.search(self.log_file.read_bytes())
        return found[1].decode() if found else None


class LocalCluster:
    """Services on a Kafka and a database that are there; an async context manager that leaves
    none of its processes running.

    ``settings`` are further DIPPER_* variables for all of them. ``folder`` gets their logs.
    """

    def __init__(
        self,
        folder: Path,
        kafka_servers: str,
        dsn: str,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.members: list[Member] = []
        self.environment = {
            "DIPPER_KAFKA_SERVERS": kafka_servers,
            "DIPPER_DSN": dsn,
            "DIPPER_HTTP_PORT": "0",
            "DIPPER_INGEST_PORT": "0",
            **(settings or {}),
        }
        self.dsn = dsn

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(one.stop() for one in self.members), return_exceptions=True)

    async def start(self, service: str, settings: Mapping[str, str] | None = None) -> Member:
        """One more process of a service, not waited for."""
        file = self.folder / f"{service}-{len(self.members)}.log"
        member = Member(service, file, {**self.environment, **(settings or {})})
        self.members.append(member)
        await member.start()
        return member

    async def start_all(self, services: Sequence[str] = ("ingest", "enrich", "store")) -> None:
        """Several, until all are ready. Raises PipelineError."""
        started = [await self.start(service) for service in services]
        await asyncio.gather(*(one.ready() for one in started))

    @property
    def tcp(self) -> str:
        """host:port of the first ingest that is ready."""
        return next(one.tcp for one in self.members if one.tcp)

    def check(self) -> None:
        """Raises PipelineError if a member no longer runs."""
        for one in self.members:
            one.check()

    async def metrics(self) -> str:
        """What /metrics of all members says, one after the other."""
        answers = await asyncio.gather(*(one.get("/metrics") for one in self.members))
        return "".join(answer or "" for answer in answers)

    async def dipper(self, *arguments: str) -> tuple[int, str, str]:
        """A ``dipper`` command with the same settings: exit code, output, talk."""
        process = await asyncio.create_subprocess_exec(
            *[*_DIPPER, *arguments],
            env={**os.environ, **self.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, talk = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(), talk.decode(errors="replace")

    async def ledger(self) -> dict[str, Any]:
        """As ``dipper ledger --json`` gives it to users. Raises PipelineError if it gives none."""
        _, output, complaint = await self.dipper("ledger", "--json")
        if not output:
            raise PipelineError(complaint.strip())
        found: dict[str, Any] = json.loads(output)
        return found
