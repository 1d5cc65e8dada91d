"""Fault runs on ``dipper up``: one process, the SQLite log, its own PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.engines.found import free_ports
from tests.faults.run import Fault, Plan, Report, execute, nothing, write_zones
from tests.faults.service import Service, until

START_S = 60.0


async def run_embedded(
    home: Path,
    seed: int,
    fault: Fault = nothing,
    *,
    plan: Plan | None = None,
    patches: Sequence[str] = (),
    once: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
    log_directory: Path | None = None,
) -> Report:
    """Run a fault. ``patches`` hold for every start, ``once[i]`` for the i-th start only.

    The SQLite log goes to ``log_directory`` if there is one.
    """
    plan = plan or Plan()
    data = home / "data"
    data.mkdir()
    zones = home / "zones.geojson"
    write_zones(zones)
    if log_directory is not None:
        (data / "log.sqlite").symlink_to(log_directory / "log.sqlite")
    port, http_port = free_ports(2)
    ports = ["--port", str(port), "--http-port", str(http_port)]
    up = Service(
        "up",
        ["up", "--data-dir", str(data), "--zones", str(zones), *ports],
        home / "up.log",
        settings,
        patches=patches,
        once=once,
    )
    endpoints = data / "endpoints.json"

    def dsn() -> str:
        found: str = json.loads(first or endpoints.read_bytes())["dsn"]
        return found

    first = b""
    await up.start()
    try:
        async with asyncio.timeout(START_S):
            await until(lambda: endpoints.exists() or bool(up.exits))
        # The address stays the same; the file is away while the process is.
        first = endpoints.read_bytes()
        report = await execute(
            plan,
            seed,
            home,
            ("127.0.0.1", port),
            {"up": up},
            dsn,
            ["--data-dir", str(data)],
            {},
            fault,
        )
    except BaseException:
        print(up.last_words())
        raise
    finally:
        code = await up.stop()
    if code != 0:
        words = up.last_words()
        return Report(
            [*report.violations, f"stop: exit code {code}: {words}"],
            report.known,
            report.ledger,
            report.exits,
            report.notes,
        )
    return report
