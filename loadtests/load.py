"""Load generators as child processes: started together, read while they run."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from loadtests.orders import Load, Progress, command

READY_TIMEOUT_S = 120.0


class LoadError(Exception):
    """A generator failed; the text holds what it said last."""


class Generators:
    """Several load generators; an async context manager that leaves none behind."""

    def __init__(self, loads: Sequence[Load]) -> None:
        self._loads = loads
        self._processes: list[asyncio.subprocess.Process] = []
        self._latest: list[Progress] = []
        self.readers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        try:
            for load in self._loads:
                self._processes.append(
                    await asyncio.create_subprocess_exec(
                        *command(load),
                        stdin=asyncio.subprocess.PIPE,
                        stdout=asyncio.subprocess.PIPE,
                        stderr=asyncio.subprocess.PIPE,
                    )
                )
            async with asyncio.timeout(READY_TIMEOUT_S):
                for process in self._processes:
                    await _wait_ready(process)
        except BaseException:
            await self._kill()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._kill()

    async def go(self) -> None:
        """All of them begin to send."""
        self._latest = [Progress(0.0, 0, 0, 0.0, 0.0)] * len(self._processes)
        await self._order("go")
        for number, process in enumerate(self._processes):
            self.readers.append(asyncio.create_task(self._read(number, process)))

    async def rate(self, fixes: float) -> None:
        """From now on so many fixes a second, all of them together."""
        terminals = sum(load.terminals for load in self._loads)
        for load, process in zip(self._loads, self._processes, strict=True):
            await _write(process, f"rate {fixes * load.terminals / terminals}")

    async def drop(self, seconds: float, share: float) -> None:
        """Break all connections; see the generator's ``drop``."""
        await self._order(f"drop {seconds} {share}")

    async def stop(self) -> None:
        """End all connections in order, once all that is due has been sent."""
        await self._order("stop")

    async def _order(self, order: str) -> None:
        for process in self._processes:
            await _write(process, order)

    @property
    def done(self) -> bool:
        """All have sent everything and ended their connections."""
        return all(reader.done() for reader in self.readers)

    def progress(self) -> Progress:
        """All together: sums, the worst lateness, the latest time. Raises LoadError."""
        for reader in self.readers:
            if reader.done():
                reader.result()
        latest = self._latest
        return Progress(
            max(one.seconds for one in latest),
            sum(one.fixes for one in latest),
            sum(one.held_back for one in latest),
            max(one.late_s for one in latest),
            sum(one.cpu_s for one in latest),
            sum(one.resent for one in latest),
            sum(one.refused for one in latest),
            sum(one.reconnected for one in latest),
            _worst([one.logins_s for one in latest]),
        )

    async def _read(self, number: int, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            self._latest[number] = _progress(line)
        if await process.wait() != 0:
            raise LoadError(await _last_words(process))

    async def _kill(self) -> None:
        for reader in self.readers:
            reader.cancel()
        for process in self._processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


def _progress(line: bytes) -> Progress:
    values = json.loads(line)
    return Progress(**{**values, "logins_s": tuple(values["logins_s"])})


def _worst(logins: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """Nothing before all of them have some."""
    return tuple(map(max, zip(*logins, strict=True))) if all(logins) else ()


async def _write(process: asyncio.subprocess.Process, order: str) -> None:
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        # A generator that has ended says why on its standard error.
        process.stdin.write(order.encode() + b"\n")
        await process.stdin.drain()


async def _wait_ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    if await process.stdout.readline() != b"ready\n":
        raise LoadError(await _last_words(process))


async def _last_words(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    said = (await process.stderr.read()).decode(errors="replace").strip().splitlines()
    return f"a load generator failed: {said[-1] if said else 'it said nothing'}"
