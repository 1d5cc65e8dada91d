"""Every patch of the fault tests fits the code, and says so loudly when it no longer does.

A patch that hit nothing would plant no bug and kill nobody: a test would hold for no reason.
Each is tried in a process of its own, a fork of this one.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.faults import patched, patching, planted, points
from tests.faults.patching import PATCHES, at_call
from tests.faults.test_planted_bugs import BUGS

ARGUMENTS = {"clock": "1", "session": "3", "poll": "1"}
EVERY = [
    *(f"{act}={point},1" for act in ("kill", "freeze") for point in points.POINTS),
    *(f"{name}={ARGUMENTS.get(name, '1')}" for name in PATCHES if name not in ("kill", "freeze")),
]
BY_ASSIGNMENT = ("clock=1", "session=3")
"""They replace what Python itself or any class has."""
FITS, RAISED = 0, 1


def in_a_fork(work: Callable[[], None]) -> int:
    """FITS if the work is done, RAISED if it raises."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - told by the exit code
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(RAISED)
        os._exit(FITS)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def without_targets(specification: str, number: int) -> None:
    """Apply a patch for which the ``number``-th name that it replaces is gone. Raises whatever the
    patch raises; ends the process with 2 if there is no such name."""
    targets: list[tuple[Any, str]] = []

    def note(owner: Any, name: str, *_: Any, **__: Any) -> None:
        if not name.startswith("__"):  # Every class has these.
            targets.append((owner, name))

    for module in (patching, planted, points):
        for name in ("put", "at_call"):
            if hasattr(module, name):
                setattr(module, name, note)
    patched.apply(specification)
    for module in (patching, planted, points):
        for name, real in (("put", PUT), ("at_call", AT_CALL)):
            if hasattr(module, name):
                setattr(module, name, real)
    if number >= len(targets):
        os._exit(2)
    delattr(*targets[number])
    patched.apply(specification)


PUT, AT_CALL = patching.put, patching.at_call


@pytest.mark.parametrize("specification", EVERY)
def test_a_patch_finds_all_that_it_replaces(specification: str) -> None:
    assert in_a_fork(lambda: patched.apply(specification)) == FITS


@pytest.mark.parametrize("specification", [one for one in EVERY if one not in BY_ASSIGNMENT])
def test_a_patch_whose_target_is_gone_raises(specification: str) -> None:
    outcomes = [in_a_fork(lambda n=n: without_targets(specification, n)) for n in range(6)]
    assert set(outcomes) == {RAISED, 2}
    assert outcomes == sorted(outcomes)


async def test_after_a_call_means_after_one_that_returned() -> None:
    class Log:
        async def commit(self, offset: int) -> int:
            if offset == 2:
                raise ConnectionError("not a member any more")
            return offset

    acts: list[int] = []
    done: list[int] = []
    at_call(Log, "commit", 2, lambda: acts.append(len(done)), after=True)
    log = Log()
    for offset in (1, 2, 3, 4):
        with suppress(ConnectionError):
            done.append(await log.commit(offset))
    assert done == [1, 3, 4]
    assert acts == [1], "between the first that returned and the end of the second"


def test_a_patch_that_nobody_knows_raises() -> None:
    with pytest.raises(KeyError):
        patched.apply("bug that nobody wrote")


def test_every_planted_bug_and_every_crash_is_used() -> None:
    used = {f"bug {bug.name}" for bug in BUGS} | {bug.crash.partition("=")[0] for bug in BUGS}
    assert {name for name in PATCHES if name.startswith(("bug ", "crash "))} <= used
