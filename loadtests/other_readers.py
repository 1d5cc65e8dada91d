"""Other readers of NMEA 0183, for decode to compare with: those of the extra ``bench``.

Each reads all sentences of a stream with checksum, and gives as Python values what a position
needs. pynmea2 converts a field when it is asked for, so it is asked for position and time; what
marlin-py (Rust) gives is counted as it comes, though it, too, makes Python values only on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

READ_BYTES = 65_536
TOLERANCE = 0.01
"""Share of sentences that another reader may not know."""

Reader = Callable[[Sequence[bytes]], int]
"""The bytes of each terminal in, the number of sentences out."""


def other_readers() -> tuple[dict[str, Reader], list[str]]:
    """Those that are installed, by name, and a note for each that is not."""
    found: dict[str, Reader] = {}
    missing = []
    for name, make in (("pynmea2", _pynmea2), ("marlin-py", _marlin)):
        try:
            found[name] = make()
        except ImportError:
            missing.append(f"MISSING: {name} is not installed; pip install '.[bench]' brings it.")
    return found, missing


def _pynmea2() -> Reader:
    import pynmea2

    def read_pynmea2(streams: Sequence[bytes]) -> int:
        count = 0
        for data in streams:
            for line in data.decode("ascii").splitlines():
                message = pynmea2.parse(line, check=True)
                count += message.latitude is not None and message.timestamp is not None
        return count

    return read_pynmea2


def _marlin() -> Reader:
    from marlin.nmea import Nmea0183Parser

    def read_marlin(streams: Sequence[bytes]) -> int:
        count = 0
        for data in streams:
            parser = Nmea0183Parser.streaming()
            for place in range(0, len(data), READ_BYTES):
                parser.feed(data[place : place + READ_BYTES])
                count += sum(1 for _ in parser)
        return count

    return read_marlin
