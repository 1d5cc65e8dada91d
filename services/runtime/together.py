"""Several pieces of work at a time, as one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

Result = TypeVar("Result")
First = TypeVar("First")
Second = TypeVar("Second")


async def together(works: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """All their results, in order. The first one that fails ends the others, and its exception
    is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def both(
    first: Coroutine[Any, Any, First], second: Coroutine[Any, Any, Second]
) -> tuple[First, Second]:
    """``together`` for two of different kinds."""
    one, other = await together([_as_any(first), _as_any(second)])
    return one, other


async def _as_any(work: Coroutine[Any, Any, Any]) -> Any:
    return await work
