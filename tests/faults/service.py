"""Services as child processes that a test may kill, stop, patch and start again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from services.tools.local_pipeline import ONE_ADDRESS

POLL_S = 0.05
STOP_S = 15.0
COMPLAINTS = (" WARNING ", " ERROR ", "Error", "dipper: ")
TIE = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""The kernel ends a service whose test is gone."""


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that nobody announces."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)


def peak_memory_bytes(pid: int) -> int:
    """The most resident memory that a process has had so far; 0 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return 0


def is_stopped(pid: int) -> bool:
    """Whether SIGSTOP has reached it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


class Service:
    """One ``dipper`` command. If it ends by itself it is started again, as a service manager
    would. ``patches`` hold for every start, ``once[i]`` for the i-th only."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        patches: Sequence[str] = (),
        once: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.log = log
        self.exits: list[int] = []
        """Codes of the exits that nobody asked for; -9 is kill -9."""
        self.peak_bytes = 0
        self.starts = 0
        self.may_start = asyncio.Event()
        """Cleared: it stays away once it has ended."""
        self.may_start.set()
        self._arguments = list(arguments)
        self._environment = dict(environment or {})
        self._patches = list(patches)
        self._once = list(once)
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs now, or ran last."""
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it, and keep it running."""
        await self._spawn()
        self._watch = asyncio.create_task(self._keep_running())

    def send(self, number: signal.Signals) -> None:
        """A signal to the process, if there is one."""
        if self.runs:
            os.kill(self.pid, number)

    async def until_exits(self, times: int) -> None:
        """Wait until it has ended by itself so many times."""
        await until(lambda: len(self.exits) >= times)

    async def until_stopped(self) -> None:
        """Wait until SIGSTOP has reached it."""
        await until(lambda: is_stopped(self.pid))

    async def stop(self) -> int | None:
        """SIGTERM, and kill -9 if that takes too long; the exit code."""
        self._stopping = True
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        process = self._process
        if process is None:
            return None
        if process.returncode is None:
            self._sample()
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        return process.returncode

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-5000:]

    def complaints(self) -> list[str]:
        """Lines of its log that are warnings, errors or why it ended."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if any(word in line for word in COMPLAINTS)][-10:]

    async def _spawn(self) -> None:
        patches = self._patches + (self._once[self.starts : self.starts + 1])
        self.starts += 1
        with self.log.open("ab") as sink:
            self._process = await asyncio.create_subprocess_exec(
                *[*TIE, sys.executable, "-m", "tests.faults.patched", *self._arguments],
                env={
                    **os.environ,
                    **ONE_ADDRESS,
                    **self._environment,
                    "DIPPER_TEST_PATCHES": ";".join(patches),
                },
                cwd=Path(__file__).parents[2],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    async def _keep_running(self) -> None:
        assert self._process is not None
        while True:
            try:
                code = await asyncio.wait_for(self._process.wait(), 0.2)
            except TimeoutError:
                self._sample()
                continue
            self.exits.append(code)
            await asyncio.sleep(0.1)
            await self.may_start.wait()
            await self._spawn()

    def _sample(self) -> None:
        self.peak_bytes = max(self.peak_bytes, peak_memory_bytes(self.pid))
