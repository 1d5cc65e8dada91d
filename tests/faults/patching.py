"""How test-only patches are made: a register, and code before or after the n-th call."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from itertools import count
from typing import Any

PATCHES: dict[str, Callable[[str], None]] = {}
"""By name; the argument is text."""

Act = Callable[[], None]


def patch(name: str) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    """Register a patch under a name."""

    def register(function: Callable[[str], None]) -> Callable[[str], None]:
        PATCHES[name] = function
        return function

    return register


def put(owner: Any, name: str, value: object) -> None:
    """Replace a function, a method or a constant of the code under test."""
    if not hasattr(owner, name):
        raise AttributeError(f"{owner} has no {name}: the patch has to follow the code")
    setattr(owner, name, value)


def kill() -> None:
    """kill -9 of this process, at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def freeze() -> None:
    """SIGSTOP of this process, at once."""
    os.kill(os.getpid(), signal.SIGSTOP)


def at_call(
    owner: Any,
    name: str,
    number: int,
    act: Act,
    *,
    after: bool = False,
    when: Callable[..., bool] = lambda *_, **__: True,
    delay_s: float = 0.0,
) -> None:
    """Do ``act`` before (or after) the ``number``-th call of an async function, from 1, counting
    those for whose arguments ``when`` is true. After: of those that have returned, for a call that
    raises, as a commit of a member that lost its partitions does, has no moment after it."""
    original = getattr(owner, name)
    calls = count(1)

    async def due(*arguments: Any, **named: Any) -> None:
        if when(*arguments, **named) and next(calls) == number:
            await asyncio.sleep(delay_s)
            act()

    async def patched(*arguments: Any, **named: Any) -> Any:
        if not after:
            await due(*arguments, **named)
        result = await original(*arguments, **named)
        if after:
            await due(*arguments, **named)
        return result

    setattr(owner, name, patched)
