"""``dipper up`` as a child process, for the demo and the load tests."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.05
SHOWN_LOG_LINES = 5
ONE_ADDRESS = {
    "DIPPER_INGEST_NEW_PER_ADDRESS_PER_S": "100000",
    "DIPPER_INGEST_UNIDENTIFIED_PER_ADDRESS": "100000",
    "DIPPER_INGEST_TERMINAL_LINES_PER_S": "1000000",
    "DIPPER_INGEST_TERMINAL_BURST_LINES": "1000000",
}
"""A simulated fleet comes from one address at once, and captures are played faster than receivers
send. High limits and not none, so that what they cost is in what is measured."""
_DIPPER = (sys.executable, "-m", "services.cli")


class PipelineError(Exception):
    """The pipeline did not start, or ended by itself; the text holds what it said last."""


class Endpoints(NamedTuple):
    """Where the parts of a running pipeline answer."""

    tcp: str
    """host:port for terminals."""
    http: str
    """host:port of /metrics, /healthz and /readyz."""
    dsn: str
    """Of its database."""
    tls: str = ""
    """host:port for terminals with TLS; empty if there is no such port."""


async def get_text(address: str, path: str, status: int = 200) -> str | None:
    """The body of an HTTP answer of this status from ``host:port``; None if there is none."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(f"http://{address}{path}") as answer,
        ):
            return await answer.text() if answer.status == status else None
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None


class LocalPipeline:
    """A pipeline of its own on free ports; an async context manager that leaves nothing running.

    Its log messages go to ``data_dir/up.log``.
    """

    def __init__(
        self,
        data_dir: Path,
        zones: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.log_file = data_dir / "up.log"
        self.endpoints = Endpoints("", "", "")
        self._zones = zones
        self._settings = dict(settings or {})
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Process id of ``dipper up``."""
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        endpoints_file = self.data_dir / "endpoints.json"
        endpoints_file.unlink(missing_ok=True)
        with self.log_file.open("wb") as log:
            # A session of its own: Ctrl-C is for the parent, which then ends it in order.
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                env={**os.environ, **ONE_ADDRESS, **self._settings},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not endpoints_file.exists():
                    self.check()
                    await asyncio.sleep(POLL_S)
                self.endpoints = Endpoints(**json.loads(endpoints_file.read_bytes()))
                while await self.get("/readyz") is None:
                    self.check()
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            await self.stop()
            raise PipelineError(
                f"dipper up was not ready in {START_TIMEOUT_S:.0f} s: {self._last_words()}"
            ) from error
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def check(self) -> None:
        """Raises PipelineError if the pipeline is no longer running."""
        if self._process is not None and self._process.returncode is not None:
            raise PipelineError(f"dipper up ended by itself: {self._last_words()}")

    async def get(self, path: str) -> str | None:
        """The body of an HTTP answer 200; None if there is none."""
        return await get_text(self.endpoints.http, path)

    async def ledger(self) -> dict[str, Any]:
        """As ``dipper ledger --json`` gives it to users. Raises PipelineError if it gives none."""
        process = await asyncio.create_subprocess_exec(
            *[*_DIPPER, "ledger", "--json", "--data-dir", str(self.data_dir)],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, complaint = await process.communicate()
        if not output:
            raise PipelineError(complaint.decode(errors="replace").strip())
        found: dict[str, Any] = json.loads(output)
        return found

    async def stop(self) -> float:
        """Stop it in order, by force if that takes too long; returns how many seconds it took."""
        process = self._process
        if process is None or process.returncode is not None:
            return 0.0
        began = asyncio.get_running_loop().time()
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            await _kill(process)
        except asyncio.CancelledError:
            await _kill(process)
            raise
        return asyncio.get_running_loop().time() - began

    def _command(self) -> list[str]:
        zones = ["--zones", str(self._zones)] if self._zones else []
        ports = ["--port", "0", "--http-port", "0"]
        up = ["up", "--data-dir", str(self.data_dir), *ports, *zones]
        return [*_DIPPER, *up]

    def _last_words(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines()
        return " / ".join(lines[-SHOWN_LOG_LINES:]) or "it said nothing"


async def _kill(process: asyncio.subprocess.Process) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
