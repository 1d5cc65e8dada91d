"""Waiting between tries: exponential with full jitter, and one log line a minute meanwhile."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

FIRST_S = 0.1
LONGEST_S = 5.0
TELL_EVERY_S = 60.0

Result = TypeVar("Result")


class Stopped(Exception):  # noqa: N818 - an instruction, not an error
    """The process is to stop, so what did not work is not tried again."""


async def keep_trying(
    call: Callable[[], Awaitable[Result]],
    passing: tuple[type[Exception], ...],
    log: logging.Logger,
    what: str,
    *,
    stopping: asyncio.Event | None = None,
    failed: Callable[[Exception], None] | None = None,
) -> Result:
    """Call until it succeeds; exceptions of the ``passing`` kinds are waited out.

    The wait doubles from 0.1 s to 5 s, with jitter so that many processes do not return at
    once. ``failed`` hears of each failure. Any other exception passes through. Once ``stopping``
    is set a call that runs goes on, but there is no other: raises Stopped.
    """
    clock = asyncio.get_running_loop().time
    wait, told = FIRST_S, -TELL_EVERY_S
    while True:
        try:
            return await call()
        except passing as error:
            if failed is not None:
                failed(error)
            now = clock()
            if now - told >= TELL_EVERY_S:
                log.warning("%s: %s; trying again until it works", what, error)
                told = now
            if await _stopped_within(wait * random.uniform(0.5, 1.0), stopping):
                raise Stopped(what) from error
            wait = min(wait * 2, LONGEST_S)


async def unless_stopped(work: Coroutine[Any, Any, Result], stopping: asyncio.Event) -> Result:
    """The result of ``work``, which is cancelled when ``stopping`` is set. Raises Stopped.

    For work that may be left off anywhere, such as connecting.
    """
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Stopped
    finally:
        waiting.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait((working,))


async def _stopped_within(seconds: float, stopping: asyncio.Event | None) -> bool:
    if stopping is None:
        await asyncio.sleep(seconds)
        return False
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return False
    return True
