"""The embedded pipeline keeps its promises, whatever happens to it."""

from __future__ import annotations

import asyncio
import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.checker import Tolerance
from tests.faults.embedded import run_embedded
from tests.faults.fleet_client import Habits
from tests.faults.points import POINTS
from tests.faults.run import Plan, Run, tell
from tests.faults.streams import Shape

pytestmark = pytest.mark.faults

BRISK = Habits(duration_s=3.0)
EVERY_LINE = Tolerance(every_line_counted=True)


async def test_undisturbed(home: Path, seed: int) -> None:
    plan = Plan(habits=BRISK, tolerance=EVERY_LINE)
    tell("undisturbed", seed, await run_embedded(home, seed, plan=plan))


async def test_kill_9_at_random_moments(home: Path, seed: int) -> None:
    async def fault(run: Run) -> None:
        up = run.services["up"]
        for number in range(3):
            await run.until_acknowledged(0.1 + 0.25 * number)
            await asyncio.sleep(run.deal.uniform(0, 0.5))
            up.send(signal.SIGKILL)
            await up.until_exits(number + 1)
        run.is_over()

    report = await run_embedded(home, seed, fault)
    assert list(report.exits["up"]) == [-signal.SIGKILL] * 3
    tell("kill -9", seed, report)


async def test_kill_9_at_named_points(home: Path, seed: int) -> None:
    """Each start is killed at another point of ingest, enrich and store."""
    deal = random.Random(f"points {seed}")
    once = [f"kill={point},{deal.randint(2, 9)}" for point in POINTS]

    async def fault(run: Run) -> None:
        await run.services["up"].until_exits(len(POINTS))
        run.is_over()

    report = await run_embedded(
        home,
        seed,
        fault,
        once=once,
        plan=Plan(habits=Habits(duration_s=2.5 * len(POINTS))),
        settings={"DIPPER_ENRICH_CHECKPOINT_S": "0.2"},
    )
    assert list(report.exits["up"]) == [-signal.SIGKILL] * len(POINTS)
    tell(f"kill -9 at {len(POINTS)} points", seed, report)


async def test_disk_of_the_log_full(home: Path, seed: int, small_disk: Path) -> None:
    async def fault(run: Run) -> None:
        up = run.services["up"]
        await run.until_acknowledged(0.2)
        filler = small_disk / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(64 << 10))
        await up.until_exits(1)
        run.notes["says"] = [line for line in up.last_words().splitlines() if "full" in line][:1]
        await asyncio.sleep(2)
        filler.unlink()
        run.is_over()

    report = await run_embedded(home, seed, fault, log_directory=small_disk)
    assert set(report.exits["up"]) == {1}
    assert report.notes["says"]
    tell("disk full", seed, report)


async def test_sigstop_and_sigcont(home: Path, seed: int) -> None:
    async def fault(run: Run) -> None:
        up = run.services["up"]
        for number in range(2):
            await run.until_acknowledged(0.2 + 0.3 * number)
            up.send(signal.SIGSTOP)
            await up.until_stopped()
            # The second time the terminals lose patience and come back in the meantime.
            await asyncio.sleep((1.0, 7.0)[number])
            up.send(signal.SIGCONT)
        run.is_over()

    tell("SIGSTOP, SIGCONT", seed, await run_embedded(home, seed, fault))


async def test_tcp_resets(home: Path, seed: int) -> None:
    async def fault(run: Run) -> None:
        cut = 0
        for number in range(20):
            await run.until_acknowledged(0.04 * number)
            cut += run.proxy.cut(lambda _: run.deal.random() < 0.2)
            await asyncio.sleep(0.05)
        run.notes["cut"] = cut
        run.is_over()

    tell("TCP reset", seed, await run_embedded(home, seed, fault))


async def test_half_open_connections(home: Path, seed: int) -> None:
    async def fault(run: Run) -> None:
        await run.until_acknowledged(0.3)
        run.proxy.toxics.affects = lambda number: number % 2 == 0
        run.proxy.toxics.half_open = True
        await asyncio.sleep(7)
        run.proxy.toxics.half_open = False
        run.is_over()

    tell("half-open", seed, await run_embedded(home, seed, fault))


async def test_slow_network_and_slices_of_one_byte(home: Path, seed: int) -> None:
    async def fault(run: Run) -> None:
        toxics = run.proxy.toxics
        toxics.affects = lambda number: number % 20 == 0
        toxics.slice_bytes = 1
        await run.until_acknowledged(0.5)
        toxics.affects = lambda _: True
        toxics.slice_bytes, toxics.latency_s, toxics.bytes_per_s = 0, 0.3, 20_000
        await asyncio.sleep(3)
        toxics.latency_s = toxics.bytes_per_s = 0
        run.is_over()

    plan = Plan(tolerance=EVERY_LINE)
    tell("1-byte slices, slow network", seed, await run_embedded(home, seed, fault, plan=plan))


async def test_reconnect_storms(home: Path, seed: int) -> None:
    async def fault(run: Run) -> None:
        for number in range(5):
            await run.until_acknowledged(0.1 + 0.15 * number)
            assert run.client.storm()
        run.is_over()

    tell("reconnect storm", seed, await run_embedded(home, seed, fault))


async def test_duplicates_and_out_of_order(home: Path, seed: int) -> None:
    async def fault(run: Run) -> None:
        await run.until_acknowledged(0.5)
        run.client.storm()

    plan = Plan(Shape(disorder=0.15, duplicates=0.2))
    tell("duplicates, out of order", seed, await run_embedded(home, seed, fault, plan=plan))


async def test_clock_an_hour_wrong(home: Path, seed: int) -> None:
    plan = Plan(habits=BRISK, tolerance=EVERY_LINE)
    report = await run_embedded(home, seed, plan=plan, patches=["clock=3600"])
    tell("clock ±1 h", seed, report)


async def test_hang_up_in_order_in_the_middle_of_an_epoch(home: Path, seed: int) -> None:
    """FIN and not RST: the terminal's process ends, or a gateway closes its idle connections."""

    async def fault(run: Run) -> None:
        hung_up = 0
        for number in range(10):
            await run.until_acknowledged(0.08 * number)
            hung_up += run.proxy.hang_up(lambda _: run.deal.random() < 0.3)
        run.notes["hung up"] = hung_up
        run.is_over()

    tell("FIN", seed, await run_embedded(home, seed, fault))
