"""Telling our own cancellation from one that something we waited for passes on."""

from __future__ import annotations

import asyncio


def is_cancelled() -> bool:
    """Whether somebody wants the running task to end, and not only something that it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
