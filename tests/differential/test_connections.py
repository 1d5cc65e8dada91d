"""A connection puts the same into the log whether it takes whole epochs in one go or not."""

from __future__ import annotations

import random
from typing import NamedTuple
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services import codec
from services.ingest.settings import IngestSettings, LimitSettings, SessionSettings
from services.log.base import Entry
from services.nmea import core
from services.nmea.stream import FIRST_PIECE_BYTES, LINES_TRIED, next_cut
from services.tools.sentence import sentence
from tests.core import need_core
from tests.differential.test_differential import STREAMS, bytes_of
from tests.differential.test_epochs import CHANCES, SHAPES, cut, stream_of
from tests.unit.ingest.bench import Bench

LOGIN = sentence(b"PDPR,LOGIN,TRUCK-1") + sentence(b"PDPR,ACK,ON")


@pytest.fixture(autouse=True, scope="module")
def _core() -> None:
    need_core()


class Taken(NamedTuple):
    """What a connection has put into the log."""

    fixes: list[Entry]
    messages: list[Entry]
    rejects: list[Entry]
    counts: dict[str, int]
    after_each_read: list[tuple[int, int]]
    """Lines pending and lines that may be acknowledged."""
    said_last: bytes


def take(reads: list[bytes], *, whole: bool, clean: bool, way_in: bytes = LOGIN) -> Taken:
    """Let a connection read these, and end."""
    limits = LimitSettings(terminal_lines_per_s=0)
    bench = Bench(IngestSettings(session=SessionSettings(max_bad_lines=0), limits=limits))
    peer = bench.connect()
    states = []
    epochs, fixes = (core.whole_epochs, codec.add_plain_fixes) if whole else (None, None)
    with patch.object(core, "whole_epochs", epochs), patch.object(codec, "add_plain_fixes", fixes):
        for read in [way_in, *reads]:
            peer.send(read)
            states.append(peer.connection._session.progress())
        peer.connection.finish(clean=clean)
    rounds = bench.publisher.waiting
    counts = {name: sum(getattr(one, name) for one in rounds) for name in ("read", "pending")}
    counts |= {name: sum(getattr(one, name) for one in rounds) for name in ("used", "control")}
    counts |= bench.publisher.rejected
    bench.publisher.publish()
    return Taken(
        [entry for one in rounds for entry in one.fixes],
        [entry for one in rounds for entry in one.messages],
        [entry for one in rounds for entry in one.rejects],
        counts,
        states,
        peer.transport.sent.rpartition(b"$")[2],
    )


@pytest.mark.parametrize("shape", SHAPES, ids="-".join)
@given(seed=st.integers(0, 2**32), chance=st.sampled_from(CHANCES), clean=st.booleans())
@settings(max_examples=25)
def test_a_connection_logs_the_same_by_shortcut(
    shape: tuple[str, ...], seed: int, chance: float, clean: bool
) -> None:
    reads = cut(stream_of(seed, shape, chance, 60), seed)
    assert take(reads, whole=True, clean=clean) == take(reads, whole=False, clean=clean)


@pytest.mark.parametrize("name", STREAMS)
def test_a_connection_logs_the_same_of_a_capture(name: str) -> None:
    reads = cut(bytes_of(name), 2)
    assert take(reads, whole=True, clean=True) == take(reads, whole=False, clean=True)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=25)
def test_a_gateway_with_tag_blocks_logs_the_same(seed: int) -> None:
    draw = random.Random(seed)
    streams = [stream_of(seed + number, SHAPES[0], 0.02, 20).splitlines() for number in range(3)]
    lines = []
    while any(streams):
        number = draw.randrange(3)
        for line in streams[number][: draw.randint(1, 3)]:
            # The block speaks for one line, the others are the connection's own.
            tagged = number and draw.random() < 0.9
            lines.append(b"\\s:SHIP-%d*00\\" % number + line if tagged else line)
        del streams[number][:3]
    reads = cut(b"\r\n".join(lines) + b"\r\n", seed)
    way_in = sentence(b"PDPR,ACK,ON")
    assert take(reads, whole=True, clean=True, way_in=way_in) == take(
        reads, whole=False, clean=True, way_in=way_in
    )


def test_small_reads_stay_in_one_piece() -> None:
    data = b"$GNRMC,1*00\r\n" * 100
    assert next_cut(data, 0, 0) == len(data)


def test_after_kilobytes_every_line_is_tried_then_twice_as_many() -> None:
    line = b"$GNRMC,1*00\r\n"
    data, cuts, start = line * 2_000, [], 0
    for refused in range(LINES_TRIED + 2):
        start = next_cut(data, start, refused)
        cuts.append(start)
    steps = [after - before for before, after in zip([0, *cuts], cuts, strict=False)]
    assert FIRST_PIECE_BYTES <= steps[0] < FIRST_PIECE_BYTES + len(line)
    assert steps[1:LINES_TRIED] == [len(line)] * (LINES_TRIED - 1)
    assert steps[LINES_TRIED] >= 2 * FIRST_PIECE_BYTES
    assert all(data[:at].endswith(b"\n") for at in cuts)


def test_a_piece_ends_with_the_bytes_where_no_line_does() -> None:
    assert next_cut(b"$" * 5_000, 100, 0) == 5_000


def test_without_the_core_everything_goes_the_whole_way() -> None:
    with patch.object(core, "whole_epochs", None):
        assert next_cut(b"$GNRMC,1*00\r\n" * 2_000, 0, 0) == 26_000
