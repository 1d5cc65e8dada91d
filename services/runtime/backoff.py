"""Waiting between tries: exponential with full jitter, and one log line a minute meanwhile."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

FIRST_S = 0.1
LONGEST_S = 5.0
TELL_EVERY_S = 60.0

Result = TypeVar("Result")


async def keep_trying(
    call: Callable[[], Awaitable[Result]],
    passing: tuple[type[Exception], ...],
    log: logging.Logger,
    what: str,
) -> Result:
    """Call until it succeeds; exceptions of the ``passing`` kinds are waited out.

    The wait doubles from 0.1 s to 5 s, with jitter so that many processes do not return at
    once. Any other exception passes through.
    """
    clock = asyncio.get_running_loop().time
    wait, told = FIRST_S, -TELL_EVERY_S
    while True:
        try:
            return await call()
        except passing as error:
            now = clock()
            if now - told >= TELL_EVERY_S:
                log.warning("%s: %s; trying again until it works", what, error)
                told = now
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(wait * 2, LONGEST_S)
