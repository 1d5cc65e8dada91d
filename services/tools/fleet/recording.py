"""Recordings of a fleet: all terminals in one file, or one stream of any size."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from services.nmea.checksum import checksum
from services.tools.fleet.faults import NO_FAULTS, Faults, FaultyLink
from services.tools.fleet.prepared import epoch, moment, prepare, sky
from services.tools.fleet.receiver import SECOND_US
from services.tools.fleet.terminal import Terminal, sentences

PREPARED_PLACES = 3_600
_WRITE_BYTES = 1 << 20


class Written(NamedTuple):
    """What a recording holds."""

    epochs: int
    lines: int
    bytes: int


def interleaved(
    fleet: Sequence[Terminal],
    start_us: int,
    seconds: int,
    faults: Faults = NO_FAULTS,
    seed: int = 1,
) -> Iterator[bytes]:
    """What a collector of all terminals hears, in the order of arrival, every line with a TAG
    block (NMEA 0183 4.11) that names its terminal."""
    tracks = [
        _arrivals(terminal, start_us, seconds, FaultyLink(faults, f"{seed} {terminal.name}"))
        for terminal in fleet
    ]
    for _, _, data in heapq.merge(*tracks, key=lambda one: one[:2]):
        yield data


def write_recording(
    path: Path,
    fleet: Sequence[Terminal],
    start_us: int,
    seconds: int,
    faults: Faults = NO_FAULTS,
    seed: int = 1,
) -> Written:
    """``interleaved`` as a file. Raises OSError."""
    return _write(path, interleaved(fleet, start_us, seconds, faults, seed))


def write_large(path: Path, terminal: Terminal, start_us: int, size: int) -> Written:
    """One terminal at 1 Hz for as long as it takes to fill ``size`` bytes: RMC, GGA, GSA and GSV
    from prepared parts. It drives the same hour again and again. Raises OSError."""
    return _write(path, _large(terminal, start_us, size))


def _large(terminal: Terminal, start_us: int, size: int) -> Iterator[bytes]:
    places = prepare(terminal, start_us, PREPARED_PLACES)
    written, second = 0, 0
    while written < size:
        time_us = start_us + second * SECOND_US
        place = places[second % PREPARED_PLACES]
        data = epoch(place, moment(time_us)) + sky(terminal.receiver, time_us)
        written += len(data)
        second += 1
        yield data


def _arrivals(
    terminal: Terminal, start_us: int, seconds: int, link: FaultyLink
) -> Iterator[tuple[int, str, bytes]]:
    step_us = SECOND_US // terminal.rate_hz
    source = b"s:" + terminal.name.encode()
    tag = b"\\%b*%02X\\" % (source, checksum(source))
    time_us = start_us
    for time_us in range(start_us, start_us + seconds * SECOND_US, step_us):
        for data in link.feed(sentences(terminal, time_us)).epochs:
            yield time_us, terminal.name, _tagged(data, tag)
    for data in link.finish():
        yield time_us, terminal.name, _tagged(data, tag)


def _tagged(data: bytes, tag: bytes) -> bytes:
    return b"".join(tag + line for line in data.splitlines(keepends=True))


def _write(path: Path, epochs: Iterator[bytes]) -> Written:
    count = lines = size = 0
    with path.open("wb", buffering=_WRITE_BYTES) as file:
        for data in epochs:
            file.write(data)
            count += 1
            lines += data.count(b"\n")
            size += len(data)
    return Written(count, lines, size)
