"""Epochs taken whole give what their sentences give one by one."""

from __future__ import annotations

import random
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.nmea import core
from services.nmea.build_fix import build_fix
from services.nmea.stream import Stream
from services.nmea.terminal import Outcomes
from tests.core import blocks_kept_by, need_core, reading_by
from tests.differential.test_differential import STREAMS, bytes_of
from tests.unit.nmea.framed import framed

SHAPES = (
    ("GNRMC", "GNGGA"),
    ("GNGGA", "GNRMC"),
    ("BDRMC", "GNGGA"),
    ("GNRMC", "GNGGA", "GNRMC"),
    ("GNGGA", "GNGSA", "GNGSA", "GPGSV1", "GPGSV2", "BDGSV1", "GNRMC", "GNVTG"),
    ("GNGSA", "GNRMC", "GNGGA", "GNZDA"),
    ("GNGGA", "GNGLL", "GNGNS", "GNGST"),
    ("GNGGA",),
)
CHANCES = (0.0, 0.02, 0.2)


@pytest.fixture(autouse=True, scope="module")
def _core() -> None:
    need_core()


def body(kind: str, time: str, date: str, draw: random.Random) -> str:
    """A sentence of a receiver that sometimes has no fix, no time or no date."""
    where = f"28{draw.randrange(60):02}.{draw.randrange(10**4):04},N,12030.0{draw.randrange(9)},E"
    if draw.random() < 0.1:
        where = ",,,"
    match kind[2:5]:
        case "RMC":
            status = draw.choice(["A,", "A,", "A,", "V,"])
            mode = draw.choice(["A", "A", "D", "N", "R", ""])
            return f"{kind},{time},{status}{where},10.{draw.randrange(9)},,{date},,,{mode}"
        case "GGA":
            quality = draw.choice("1112450")
            return f"{kind},{time},{where},{quality},12,0.9,10.{draw.randrange(9)},M,5.0,M,,"
        case "GNS":
            return f"{kind},{time},{where},AAN,12,0.9,10.5,5.0,,"
        case "GLL":
            return f"{kind},{where},{time},A,A"
        case "ZDA":
            return f"{kind},{time},22,11,2026,,"
        case "GST":
            return f"{kind},{time},,,,,1.0,1.0,2.0"
        case "VTG":
            return f"{kind},10.0,T,,M,5.5,N,10.2,K,A"
        case "GSA":
            return f"{kind},A,3,{draw.randrange(1, 33):02},02,,,,,,,,,,,1.5,0.9,1.2,1"
        case _:
            last = 2 if kind.startswith("GP") else 1
            return f"{kind[:5]},{last},{kind[5]},{last:02},05,40,083,46"


def stream_of(seed: int, shape: tuple[str, ...], chance: float, seconds: int) -> bytes:
    """A receiver's stream: with ``chance`` a sentence is lost, repeated, delayed or broken."""
    draw = random.Random(seed)
    second = draw.choice([43_000, 86_395])
    sent: list[bytes] = []
    for _ in range(seconds):
        second += 1 if draw.random() > chance else draw.choice([-1, 0, 2, 40_000])
        now = second % 86_400
        time = f"{now // 3600:02}{now // 60 % 60:02}{now % 60:02}.00"
        date = f"{22 + second // 86_400:02}1126" if draw.random() > chance else ""
        lines = [
            framed(body(kind, time if draw.random() > chance / 4 else "", date, draw))
            for kind in shape
        ]
        if draw.random() < chance:
            place = draw.randrange(len(lines))
            lines[place] = draw.choice([b"$GNGGA,1*00", lines[place] + lines[place], b"junk"])
        if draw.random() < chance:
            lines.insert(draw.randrange(len(lines) + 1), framed("GNTXT,01,01,02,hello"))
        sent += [line for line in lines if draw.random() > chance]
        if sent and draw.random() < chance:
            sent.append(sent[draw.randrange(max(0, len(sent) - 9), len(sent))])
    return b"\r\n".join(sent) + b"\r\n"


def outcomes(reads: list[bytes], *, whole: bool) -> list[tuple[object, ...]]:
    """What each read gives, with and without the shortcuts."""
    stream = Stream("TRUCK-1", run="run-1")
    names = ("next_epoch", "plain_fix", "whole_epochs")
    with patch.multiple(core, **{name: getattr(core, name) if whole else None for name in names}):
        given = [stream.feed(read, 1_000 + at) for at, read in enumerate(reads)]
        given.append(stream.finish(9_999))
    return [tuple(repr(getattr(out, name)) for name in Outcomes.__slots__) for out in given]


def cut(data: bytes, seed: int) -> list[bytes]:
    """The stream in reads of a few bytes, of a few lines, or in one."""
    draw = random.Random(seed)
    most = draw.choice([50, 200, 3_000, len(data)])
    reads, at = [], 0
    while at < len(data):
        size = draw.randint(1, most)
        reads.append(data[at : at + size])
        at += size
    return reads


@pytest.mark.parametrize("shape", SHAPES, ids="-".join)
@given(seed=st.integers(0, 2**32), chance=st.sampled_from(CHANCES))
@settings(max_examples=30)
def test_an_epoch_taken_whole_gives_what_its_sentences_give(
    shape: tuple[str, ...], seed: int, chance: float
) -> None:
    reads = cut(stream_of(seed, shape, chance, 40), seed)
    assert outcomes(reads, whole=True) == outcomes(reads, whole=False)


@pytest.mark.parametrize("name", STREAMS)
def test_a_capture_gives_the_same_whole_or_by_sentence(name: str) -> None:
    reads = cut(bytes_of(name), 1)
    assert outcomes(reads, whole=True) == outcomes(reads, whole=False)


def noting(monkeypatch: pytest.MonkeyPatch, name: str) -> list[Any]:
    """What a shortcut of the core answers from now on."""
    shortcut, answers = getattr(core, name), []

    def noted(*arguments: Any) -> Any:
        answers.append(shortcut(*arguments))
        return answers[-1]

    monkeypatch.setattr(core, name, noted)
    return answers


def test_a_steady_receiver_is_taken_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "whole_epochs", None)
    taken = noting(monkeypatch, "next_epoch")
    fixes = Stream("TRUCK-1").feed(stream_of(5, SHAPES[0], 0.0, 40), 1).fixes
    assert len(fixes) >= 38
    assert len(taken) - taken.count(None) >= 36


@pytest.mark.parametrize("shape", SHAPES[:2] + SHAPES[4:6], ids="-".join)
def test_the_bytes_of_a_steady_receiver_are_taken_in_one_go(
    shape: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = stream_of(5, shape, 0.0, 48)
    lines = data.splitlines(keepends=True)
    learnt = 8 * len(shape)
    stream = Stream("TRUCK-1")
    stream.feed(b"".join(lines[:learnt]), 1)
    taken = noting(monkeypatch, "whole_epochs")
    fixes = stream.feed(b"".join(lines[learnt:]), 1).fixes
    assert len(fixes) == 40
    assert [answer is not None for answer in taken] == [True]


def test_an_epoch_that_python_has_read_is_known_to_the_core() -> None:
    data = stream_of(5, ("QXRMC", "QXGGA"), 0.0, 20)
    stream = Stream("TRUCK-1")
    with reading_by("python"), patch.multiple(core, next_epoch=None, whole_epochs=None):
        stream.feed(data, 1)
    whole = stream._decoder.assembler._cycle.whole
    assert whole is not None
    assert core.whole_epochs is not None
    found = core.whole_epochs(data, 0, whole, None, 32, "TRUCK-1", 1, "", build_fix)
    assert found is not None
    assert len(found[0]) == 20


def test_the_core_keeps_nothing_of_the_epochs_that_it_takes() -> None:
    data = stream_of(5, SHAPES[0], 0.0, 8)
    for spoilt in (data, data[:-1], data[:-40], data.replace(b"A,", b"B,")):
        stream = Stream("TRUCK-1")
        stream.feed(data, 1)
        assert blocks_kept_by(partial(stream.feed, spoilt, 1)) < 200


@pytest.mark.parametrize("start", [-1, 1])
def test_the_core_refuses_a_start_outside_of_the_bytes(start: int) -> None:
    assert core.whole_epochs is not None
    with pytest.raises(ValueError, match="outside of data"):
        core.whole_epochs(b"", start, (), None, 32, "TRUCK-1", 1, "", build_fix)
