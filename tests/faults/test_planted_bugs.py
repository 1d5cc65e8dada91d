"""The checker finds what it is there to find: bugs are planted, and each is caught."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.embedded import run_embedded
from tests.faults.fleet_client import Habits
from tests.faults.run import Fault, Plan, Run, nothing
from tests.faults.streams import Shape

pytestmark = pytest.mark.faults

SMALL = Shape(terminals=40, epochs=60, disorder=0.1)
SETTINGS = {"DIPPER_ENRICH_CHECKPOINT_S": "0.2"}
PLAN = Plan(SMALL, Habits(duration_s=2.0, patience_s=2.0), catch_up_s=3.0, limit_s=8.0)


async def kill_9(run: Run) -> None:
    """Once, in mid-stream."""
    await run.until_acknowledged(0.4)
    run.services["up"].send(signal.SIGKILL)
    await run.services["up"].until_exits(1)


async def resets(run: Run) -> None:
    """Some connections break, again and again."""
    for number in range(8):
        await run.until_acknowledged(0.1 * number)
        run.proxy.cut(lambda _: run.deal.random() < 0.4)
        await asyncio.sleep(0.05)


class Bug(NamedTuple):
    """What is planted, what brings it to light, and which invariant it breaks."""

    name: str
    breaks: str
    fault: Fault = nothing
    crash: str = ""


BUGS: Sequence[Bug] = (
    Bug("acknowledged before durable", "I1", kill_9),
    Bug("lost future", "I1"),
    Bug("rejects dropped", "I3"),
    Bug("open epoch acknowledged", "I1", resets),
    Bug("acknowledges too much", "I1"),
    Bug("state before outputs", "I1", crash="crash state before outputs=2"),
    Bug("offset plus one", "I1", crash="kill=enrich after commit,3"),
    Bug("zone state lost", "I2", kill_9),
    Bug("late fixes move", "I2"),
    Bug("event id by chance", "I2", crash="kill=enrich between outputs and state,9"),
    Bug("zones forgotten", "I2"),
    Bug("commit before write", "I1", crash="crash commit before write=20"),
    Bug("no compare and set", "I3", kill_9),
    Bug("failed batch dropped", "I1"),
    Bug("counted twice", "I3"),
    Bug("speed in knots", "I1"),
    Bug("empty is zero", "I1"),
    Bug("memory kept", "I4"),
    Bug("stalls", "I5"),
)


@pytest.mark.parametrize("bug", BUGS, ids=[bug.name for bug in BUGS])
async def test_a_planted_bug_is_caught(home: Path, bug: Bug) -> None:
    once = [bug.crash] if bug.crash else []
    report = await run_embedded(
        home, 1, bug.fault, plan=PLAN, patches=[f"bug {bug.name}"], once=once, settings=SETTINGS
    )
    if once or bug.fault is kill_9:
        assert report.exits["up"] == (-signal.SIGKILL,)
    shown = "\n".join(report.violations)
    print(f"\n[planted: {bug.name}] {shown}")
    assert report.of(bug.breaks), f"not caught as {bug.breaks}: {shown}"


@pytest.mark.parametrize("fault", [nothing, kill_9, resets], ids=lambda fault: fault.__name__)
async def test_without_a_bug_the_same_run_is_clean(home: Path, fault: Fault) -> None:
    report = await run_embedded(home, 1, fault, plan=PLAN._replace(catch_up_s=30.0))
    assert not report.violations, "\n".join(report.violations)
