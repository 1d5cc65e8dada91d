"""Running the parts of a process together, and stopping them in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from services.runtime.cancellation import is_cancelled

logger = logging.getLogger(__name__)

STOP_S = 4.0
"""From a signal to the end of the process, less what Python takes to leave: 5 s are promised."""
GRACE_S = 3.0
LEAVE_S = 0.5
"""How long parts that were cancelled may still take to let go of what they hold."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that runs until its event is set."""

    name: str
    run: Callable[[asyncio.Event], Awaitable[None]]


class StopSignal(asyncio.Event):
    """An event that knows how much of the time to stop is left."""

    def __init__(self) -> None:
        super().__init__()
        self._since: float | None = None

    def set(self) -> None:
        """As of the first time."""
        if self._since is None:
            self._since = asyncio.get_running_loop().time()
        super().set()

    def left_s(self) -> float:
        """Seconds that the rest of the process may take to end."""
        if self._since is None:
            return STOP_S
        return max(0.0, self._since + STOP_S - asyncio.get_running_loop().time())


@contextmanager
def stop_signals() -> Iterator[StopSignal]:
    """An event that Ctrl-C and SIGTERM set, while the block runs."""
    stopping = StopSignal()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    try:
        yield stopping
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def supervise(
    parts: Sequence[Part], stopping: asyncio.Event, grace_s: float = GRACE_S
) -> None:
    """Run the parts until ``stopping`` is set or one of them ends.

    They are then stopped in the given order, each when the one before has ended, all within
    ``grace_s`` seconds; one that takes longer is cancelled, which loses nothing that is durable,
    and left behind if it hangs even then. The exception of a part that failed passes through.
    """
    events = [asyncio.Event() for _ in parts]
    tasks = [
        asyncio.create_task(_run(part, event), name=part.name)
        for part, event in zip(parts, events, strict=True)
    ]
    waiter = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([waiter, *tasks], return_when=asyncio.FIRST_COMPLETED)
        await _stop_in_order(tasks, events, grace_s)
    finally:
        waiter.cancel()
        for task in tasks:
            task.cancel()
        done, stuck = await asyncio.wait(tasks, timeout=LEAVE_S)
    for task in stuck:
        logger.warning("%s hangs and is left behind", task.get_name())
    for task in tasks:
        if task in done and not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _stop_in_order(
    tasks: Sequence[asyncio.Task[None]], events: Sequence[asyncio.Event], grace_s: float
) -> None:
    clock = asyncio.get_running_loop().time
    deadline = clock() + grace_s
    for task, event in zip(tasks, events, strict=True):
        event.set()
        _, late = await asyncio.wait([task], timeout=max(0.0, deadline - clock()))
        if late:
            logger.warning("%s did not stop in time and is cancelled", task.get_name())


async def _run(part: Part, stopping: asyncio.Event) -> None:
    try:
        await part.run(stopping)
    except asyncio.CancelledError as error:
        if is_cancelled():
            raise
        # Without this it would pass for an orderly end, and nobody would start the service again.
        raise RuntimeError(
            f"{part.name} ended: something that it waited for was cancelled"
        ) from error
    if not stopping.is_set():
        raise RuntimeError(f"{part.name} ended on its own")
