"""Real captures through a socket give the log what decoding them offline gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.model import Fix, Message, Reject
from services.nmea.stream import Stream
from services.nmea.terminal import Outcomes
from tests.integration.ingest.client import acknowledged, connect, ingest, settings
from tests.unit.ingest.lines import ACK_ON, login
from tests.unit.ingest.logs import TroubledLog, fixes, last_tally, messages, rejects

CAPTURES = Path(__file__).parents[2] / "captures"
HELLO = login("TRUCK-1") + ACK_ON


def offline(data: bytes) -> tuple[list[Outcomes], int]:
    """What the decoder makes of the data, and how many physical lines they are."""
    stream = Stream("TRUCK-1", run="run")
    lines = sum(map(bool, data.splitlines()))
    return [stream.feed(data, 0), stream.finish(0)], lines


def ageless(records: list[Fix] | list[Message] | list[Reject]) -> list[tuple[object, ...]]:
    """The records without their time of receipt, in an order of their own."""
    return sorted((tuple(one._replace(received_at_us=0)) for one in records), key=repr)


@pytest.mark.parametrize(
    "capture",
    [
        "gpsd/beidou-bd.log",
        "gpsd/beidou-gb.log",
        "gpsd/quectel-l76k-nmea.log",
        "gpsd/tcp-torture.log",
        "pynmeagps/pygpsdata-mixed.log",
        "pygnssutils/pygpsdata-rtcm3.log",
        "signalk/gofree-merrimac.log",
        "aerorust-nmea/nmea1.log",
    ],
)
async def test_a_capture_gives_what_offline_decoding_gives(capture: str, log: TroubledLog) -> None:
    data = (CAPTURES / capture).read_bytes()
    expected, lines = offline(data)
    async with ingest(log, settings()) as server, connect(server) as client:
        *_, last = await client.send_all(HELLO + data)
    assert acknowledged(last) == lines + 2
    assert ageless(await fixes(log)) == ageless([fix for out in expected for fix in out.fixes])
    assert ageless(await messages(log)) == ageless([m for out in expected for m in out.messages])
    assert ageless(await rejects(log)) == ageless([r for out in expected for r in out.rejects])
    tally = await last_tally(log, "run")
    assert tally.lines_used == sum(out.lines_used for out in expected) + 2
    assert tally.lines_pending == 0
    assert tally.lines_read == tally.lines_used + sum(tally.lines_rejected.values())
