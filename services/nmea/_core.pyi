# The compiled core: native/core.c.

from collections.abc import Callable, Mapping, Sequence

from services.model import Fix
from services.nmea.readings import Reading, Typed

SOURCE: str
"""SHA-256 of the sources that it was built from."""

def setup(
    types: Mapping[str, type],
    constellation: Callable[[str, Sequence[int]], str],
    by_talker: Mapping[str, str],
    by_system: Mapping[bytes, str],
    unknown: str,
) -> None: ...
def read_plain(line: bytes) -> Typed | None: ...
def read_lines(
    lines: Sequence[bytes],
    first_ordinal: int,
    max_fields: int,
    read_otherwise: Callable[[bytes, int], list[tuple[bytes, Reading, int]]],
) -> list[tuple[bytes, Reading, int]]: ...
def setup_fix(
    type: type[Fix],
    qualities: tuple[str, ...],
    by_mode: Mapping[str, str],
    given: frozenset[str],
) -> None: ...
def next_epoch(
    readings: list[tuple[bytes, Reading, int]],
    start: int,
    kinds: tuple[tuple[str, type, bool], ...],
    left_time: int | None,
) -> tuple[int, int | None, list[Typed]] | None: ...
def plain_fix(
    terminal: str,
    time_us: int | None,
    time_of_day_us: int,
    sentences: Sequence[Typed],
    received_at_us: int,
    run: str,
) -> Fix | None: ...
def whole_epochs(
    data: bytes,
    start: int,
    kinds: tuple[tuple[str, type, bool], ...],
    left_time: int | None,
    max_fields: int,
    terminal: str,
    received_at_us: int,
    run: str,
    build_fix: Callable[[str, int | None, int, Sequence[Typed], int, str], Fix],
) -> tuple[list[Fix], int, int, int] | None: ...
