"""One service process as a child, for tests and load tests."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from services.tools.local_pipeline import PipelineError, get_text

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.05
SHOWN_LOG_LINES = 5
DIPPER = (sys.executable, "-m", "services.cli")
_HTTP = re.compile(rb"health and metrics at http://(\S+)")
_TCP = re.compile(rb"terminals at (?:tcp://)?(\S+)")
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
                *[*_TIE, *DIPPER, self.service],
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
        return None if self.http is None else await get_text(self.http, path, status)

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
