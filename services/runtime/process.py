"""A service as a process: settings, logging, the event loop, and exit codes."""

from __future__ import annotations

import gc
import sys
from collections.abc import Awaitable, Callable, Mapping

import uvloop

from services.log.base import LogError
from services.runtime import audit, logs
from services.runtime.allocator import keep_freed_memory
from services.runtime.database import DatabaseError
from services.runtime.errors import StartError
from services.runtime.settings import Settings, SettingsError, load_settings

EXIT_FAILED = 1
SWITCH_INTERVAL_S = 0.0005
"""The log's thread holds the interpreter for microseconds, many times a commit. With Python's 5 ms
it would wait that long for each of them while the event loop is busy."""
COLLECT_THRESHOLDS = (50_000, 20, 100)
"""Records and sentences hold no cycles, so looking for garbage at Python's pace finds nothing,
and with thousands of connections each look is long: a sixth of the event loop's time."""


def run_service(
    service: Callable[[Settings], Awaitable[None]], overrides: Mapping[str, object]
) -> None:
    """Run a service to its end. What keeps it from running is told in plain sentences."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*COLLECT_THRESHOLDS)
    keep_freed_memory()
    try:
        settings = load_settings(overrides)
        logs.configure(settings.log_level)
        audit.configure(settings.audit_log)
        uvloop.run(_run(service, settings))
    except SettingsError as error:
        tell(error.problems)
        sys.exit(EXIT_FAILED)
    except (StartError, LogError, DatabaseError) as error:
        tell([str(error)])
        sys.exit(EXIT_FAILED)


def tell(problems: list[str]) -> None:
    """What keeps a command from its work, a line each, on standard error."""
    for problem in problems:
        print(f"dipper: {problem}", file=sys.stderr)


async def _run(service: Callable[[Settings], Awaitable[None]], settings: Settings) -> None:
    await service(settings)
