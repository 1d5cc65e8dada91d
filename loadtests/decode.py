"""Decoding RMC and GGA against pynmeagps on the same bytes: python -m loadtests.decode.

Two streams: a flight of one receiver, from the captures, and a simulated fleet, whose terminals
share their seconds as real ones do. "sentences" frames lines and reads every field, as
``pynmeagps.NMEAReader`` does; "fixes" goes on to one Fix an epoch, of which pynmeagps knows
nothing. All take turns in one process; a ratio is the median over the rounds. What the reader
remembers of earlier fields is forgotten before each round.
"""

from __future__ import annotations

import io
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import process_time
from types import MappingProxyType
from typing import NamedTuple

from pynmeagps import NMEAReader

from loadtests import python_only
from loadtests.other_readers import TOLERANCE, Reader
from services.nmea import core, fields, gga, rmc
from services.nmea.fields import Memo
from services.nmea.framing import Framer
from services.nmea.read import read_lines
from services.nmea.stream import Stream
from services.tools.fleet import make_fleet
from services.tools.fleet.prepared import epoch, moment, prepare

FLIGHT = Path(__file__).parents[1] / "tests/captures/aerorust-nmea/nmea1.log"
FLEET = (100, 100)
"""Vehicles and ships."""

EPOCHS = 30
START_US = 1_735_700_000_000_000
SECOND_US = 1_000_000
READ_BYTES = 65_536
"""As `dipper decode` reads."""
ROUNDS = 7

Streams = Sequence[bytes]
"""The bytes of each terminal."""


class Measured(NamedTuple):
    """Median microseconds a sentence, and how many times faster than pynmeagps; ``python_…``
    without the compiled core."""

    stream: str
    sentences: int
    sentence_us: float
    fix_us: float
    """Of a sentence on its way to a Fix."""
    reference_us: float
    sentence_ratio: float
    fix_ratio: float
    python_sentence_us: float
    python_fix_us: float
    python_sentence_ratio: float
    python_fix_ratio: float
    others: Mapping[str, float]
    """Microseconds a sentence of further readers, by name."""


def flight() -> Streams:
    """RMC and GGA of one receiver that moves fast, those with a time."""
    lines = FLIGHT.read_bytes().splitlines()
    wanted = [line for line in lines if line[3:7] in (b"RMC,", b"GGA,") and line[7:8].isdigit()]
    return [b"".join(line + b"\r\n" for line in wanted)]


def fleet() -> Streams:
    """RMC and GGA of many simulated terminals at the same seconds."""
    times = [moment(START_US + second * SECOND_US) for second in range(EPOCHS)]
    return [
        b"".join(map(epoch, prepare(terminal, START_US, EPOCHS), times))
        for terminal in make_fleet(*FLEET)
    ]


def read_sentences(streams: Streams) -> int:
    """Frame and read; how many sentences there were."""
    count = 0
    for data in streams:
        framer = Framer()
        for place in range(0, len(data), READ_BYTES):
            count += len(read_lines(framer.feed(data[place : place + READ_BYTES]), 1))
    return count


def read_fixes(streams: Streams) -> int:
    """The whole way to fixes; how many lines they account for."""
    count = 0
    for data in streams:
        stream = Stream("BENCH")
        for place in range(0, len(data), READ_BYTES):
            count += stream.feed(data[place : place + READ_BYTES], 0).lines_used
        count += stream.finish(0).lines_used
    return count


def read_sentences_in_python(streams: Streams) -> int:
    """``read_sentences`` without the compiled core."""
    with python_only.decoding():
        return read_sentences(streams)


def read_fixes_in_python(streams: Streams) -> int:
    """``read_fixes`` without the compiled core."""
    with python_only.decoding():
        return read_fixes(streams)


def read_reference(streams: Streams) -> int:
    """pynmeagps; how many sentences it read."""
    return sum(1 for data in streams for _ in NMEAReader(io.BytesIO(data)))


OWN = (read_sentences, read_fixes, read_sentences_in_python, read_fixes_in_python)


def measure(
    name: str,
    streams: Streams,
    rounds: int = ROUNDS,
    others: Mapping[str, Reader] = MappingProxyType({}),
) -> Measured:
    """Alternating rounds. Raises ValueError if the three do not read the same number of lines, or
    one of the others far fewer."""
    expected = sum(data.count(b"\n") for data in streams)
    ways = (*OWN, read_reference, *others.values())
    samples = [[_timed(way, streams, expected) for way in ways] for _ in range(rounds)]
    medians = [statistics.median(column) for column in zip(*samples, strict=True)]
    sentence, fix, python_sentence, python_fix, reference = medians[:5]
    return Measured(
        name,
        expected,
        sentence,
        fix,
        reference,
        statistics.median(sample[4] / sample[0] for sample in samples),
        statistics.median(sample[4] / sample[1] for sample in samples),
        python_sentence,
        python_fix,
        statistics.median(sample[4] / sample[2] for sample in samples),
        statistics.median(sample[4] / sample[3] for sample in samples),
        dict(zip(others, medians[5:], strict=True)),
    )


def measure_all(
    rounds: int = ROUNDS, others: Mapping[str, Reader] = MappingProxyType({})
) -> list[Measured]:
    """Both streams."""
    return [
        measure("flight", flight(), rounds, others),
        measure("fleet", fleet(), rounds, others),
    ]


def _timed(way: Callable[[Streams], int], streams: Streams, expected: int) -> float:
    for module in (fields, rmc, gga):
        for memo in vars(module).values():
            if isinstance(memo, Memo):
                memo.clear()
    start = process_time()
    count = way(streams)
    spent = process_time() - start
    own = way in (*OWN, read_reference)
    if count > expected or count < expected * (1 if own else 1 - TOLERANCE):
        raise ValueError(f"{way.__name__}: {count} of {expected} sentences")
    return spent / expected * 1e6


def main() -> None:
    """Print a table."""
    print("µs a sentence    sentences    to fixes    pynmeagps    times faster (sentences, fixes)")
    for row in measure_all():
        print(
            f"{row.stream:8}{row.sentences:>7,}{row.sentence_us:>11.2f}{row.fix_us:>12.2f}"
            f"{row.reference_us:>13.1f}{row.sentence_ratio:>13.1f}{row.fix_ratio:>7.1f}"
            f"  {core.ABOUT}"
        )
        print(
            f"{'':15}{row.python_sentence_us:>11.2f}{row.python_fix_us:>12.2f}"
            f"{'':13}{row.python_sentence_ratio:>13.1f}{row.python_fix_ratio:>7.1f}  Python"
        )


if __name__ == "__main__":
    main()
