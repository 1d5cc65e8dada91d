"""Parts of a process: stopped in order, none left behind."""

import asyncio

import pytest

from services.runtime.supervise import Part, supervise


def recording(name: str, stopped: list[str]) -> Part:
    async def run(stopping: asyncio.Event) -> None:
        await stopping.wait()
        stopped.append(name)

    return Part(name, run)


async def test_parts_stop_in_the_given_order() -> None:
    stopped: list[str] = []
    stopping = asyncio.Event()
    stopping.set()
    await supervise([recording("ingest", stopped), recording("store", stopped)], stopping)
    assert stopped == ["ingest", "store"]


async def test_a_part_that_fails_stops_the_others_and_its_error_comes_out() -> None:
    stopped: list[str] = []

    async def fails(_: asyncio.Event) -> None:
        raise ValueError("disk full")

    with pytest.raises(ValueError, match="disk full"):
        await supervise([recording("ingest", stopped), Part("store", fails)], asyncio.Event())
    assert stopped == ["ingest"]


async def test_a_part_that_does_not_stop_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def stubborn(_: asyncio.Event) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    stopping = asyncio.Event()
    stopping.set()
    await supervise([Part("stubborn", stubborn)], stopping, grace_s=0.01)
    assert cancelled.is_set()


async def test_a_part_that_ends_on_its_own_is_an_error() -> None:
    async def ends(_: asyncio.Event) -> None:
        return

    with pytest.raises(RuntimeError, match="store ended on its own"):
        await supervise([Part("store", ends)], asyncio.Event())


async def test_a_part_that_ends_since_something_it_waited_for_was_cancelled_is_an_error() -> None:
    """A library that cancels its own tasks and passes that on must not look like an orderly end."""

    async def waits_for_a_stranger(_: asyncio.Event) -> None:
        stranger = asyncio.ensure_future(asyncio.sleep(60))
        asyncio.get_running_loop().call_soon(stranger.cancel)
        await stranger

    with pytest.raises(RuntimeError, match="store ended"):
        await supervise([Part("store", waits_for_a_stranger)], asyncio.Event())
