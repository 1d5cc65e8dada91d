"""``dipper replay``: captures sent to ingest as their terminal would have sent them."""

from __future__ import annotations

import asyncio
import sys
import time

import uvloop

from services.tools.captures import CaptureError
from services.tools.replay_capture import total_size
from services.tools.replay_link import LinkLostError, LinkRefusedError
from services.tools.replay_progress import Status, reporting
from services.tools.replay_sender import (
    Clock,
    ReplayError,
    ReplayOptions,
    ReplayResult,
    Sender,
    Sleep,
)

__all__ = ["ReplayError", "ReplayOptions", "ReplayResult", "parse_speed", "replay", "run"]


def parse_speed(text: str) -> float | None:
    """``1``, ``10``, ``0.5`` or ``max`` (None). Raises ValueError."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise ValueError(f"{text} is no speed: a number above 0, or max")
    return speed


def run(options: ReplayOptions) -> int:
    """Replay with progress on standard error; the exit code (0 done, 1 failed)."""
    status = Status()

    async def main() -> ReplayResult:
        async with reporting(status, acknowledgements=options.ack):
            return await replay(options, status=status)

    try:
        uvloop.run(main())
    except ReplayError as error:
        print(f"dipper replay: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dipper replay: interrupted", file=sys.stderr)
        return 0 if options.loop and not options.ack else 1
    return 0


async def replay(
    options: ReplayOptions,
    *,
    status: Status | None = None,
    clock: Clock = time.monotonic,
    sleep: Sleep = asyncio.sleep,
) -> ReplayResult:
    """Send the captures in order and return when the server has them.

    With ``ack`` that is when it has acknowledged every line. Clock and sleep pace the replay and
    the retries. Raises ReplayError.
    """
    try:
        sender = Sender(options, status or Status(), clock, sleep)
    except ValueError as error:
        raise ReplayError(str(error)) from error
    try:
        sender.status.total_bytes = None if options.loop else total_size(options.files)
        await sender.connect()
        return await sender.run()
    except (CaptureError, LinkRefusedError, LinkLostError) as error:
        raise ReplayError(str(error)) from error
    finally:
        await sender.close()
