"""A service as a process: settings, logging, the event loop, and exit codes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable, Mapping

import uvloop

from services.log.base import LogError
from services.runtime.database import DatabaseError
from services.runtime.errors import StartError
from services.runtime.settings import Settings, SettingsError, load_settings

EXIT_FAILED = 1
SWITCH_INTERVAL_S = 0.0005
"""The log's thread holds the interpreter for microseconds, many times a commit. With Python's 5 ms
it would wait that long for each of them while the event loop is busy."""
LOG_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def run_service(
    service: Callable[[Settings], Awaitable[None]], overrides: Mapping[str, object]
) -> None:
    """Run a service to its end. What keeps it from running is told in plain sentences."""
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        settings = load_settings(overrides)
        uvloop.run(_run(service, settings))
    except SettingsError as error:
        for problem in error.problems:
            print(f"dipper: {problem}", file=sys.stderr)
        sys.exit(EXIT_FAILED)
    except (StartError, LogError, DatabaseError) as error:
        print(f"dipper: {error}", file=sys.stderr)
        sys.exit(EXIT_FAILED)


async def _run(service: Callable[[Settings], Awaitable[None]], settings: Settings) -> None:
    await service(settings)
