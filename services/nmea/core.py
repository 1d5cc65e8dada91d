"""The compiled core (``native/core.c``), where it was built and DIPPER_PURE_PYTHON is not set.

It reads plain good lines; all others, and all of them without it, are read by Python code, with
the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.model import FIX_QUALITIES, Fix
from services.nmea.constellations import BY_SYSTEM, BY_TALKER, UNKNOWN, constellation
from services.nmea.fix_quality import INVALID_YET_GIVEN, MODES
from services.nmea.gga import GGA
from services.nmea.gll import GLL
from services.nmea.gns import GNS
from services.nmea.gsa import GSA
from services.nmea.gst import GST
from services.nmea.gsv import GSV
from services.nmea.heading import HDT, THS
from services.nmea.readings import Reading, Typed
from services.nmea.rmc import RMC
from services.nmea.vtg import VTG
from services.nmea.zda import ZDA

Numbered = tuple[bytes, Reading, int]
"""A piece's bytes, its reading, and the number of the physical line it stands on."""

ReadOtherwise = Callable[[bytes, int], list[Numbered]]
ReadLines = Callable[[Sequence[bytes], int, int, ReadOtherwise], list[Numbered]]

TYPES = (RMC, GGA, GNS, GLL, VTG, ZDA, GSA, GSV, GST, HDT, THS)

read_lines: ReadLines | None = None
"""``read_lines(lines, first_ordinal, max_fields, otherwise)``: ``otherwise(line, ordinal)``
is called for each line that is not plain or has more fields."""

read_plain: Callable[[bytes], Typed | None] | None = None
"""The reading of a plain line; None for any other line."""

NextEpoch = Callable[
    [list[Numbered], int, tuple[tuple[str, type, bool], ...], int | None],
    tuple[int, int | None, list[Typed]] | None,
]
next_epoch: NextEpoch | None = None
"""``next_epoch(readings, start, kinds, left_time)``: time of day, date if given (in days since
1970) and sentences of the epoch that begins with ``readings[start]``, if its sentences are of
just these ``cycle.Whole`` kinds and all of one time that is not ``left_time``; else None."""

BuildFix = Callable[[str, int | None, int, Sequence[Typed], int, str], Fix]
WholeEpochs = Callable[
    [bytes, int, tuple[tuple[str, type, bool], ...], int | None, int, str, int, str, BuildFix],
    tuple[list[Fix], int, int, int] | None,
]
whole_epochs: WholeEpochs | None = None
"""``whole_epochs(data, start, kinds, left_time, max_fields, terminal, received_at_us, run,
build_fix)``: the epochs that ``data[start:]`` begins with, each as ``next_epoch`` takes them, with
a date of its own and of plain lines alone, at most ``LONGEST_PLAIN`` bytes long. Their fixes, where
in ``data`` they end, and the last one's time of day and date; None if there is no such epoch."""

plain_fix: Callable[[str, int | None, int, Sequence[Typed], int, str], Fix | None] | None = None
"""``build_fix`` of at most one RMC and one GGA; None for other sentences."""

LONGEST_PLAIN = 132
"""Bytes of a line that the core reads, at most."""

try:
    # Written so, the error of a core that is not there differs from those of one that is.
    import services.nmea._core as _core  # noqa: PLR0402

    _core.setup(
        {kind.__name__: kind for kind in TYPES}, constellation, BY_TALKER, BY_SYSTEM, UNKNOWN
    )
    _core.setup_fix(Fix, FIX_QUALITIES, MODES, INVALID_YET_GIVEN)
except ModuleNotFoundError:
    ABOUT = "Python only: the compiled core was not built"
except ImportError as error:
    ABOUT = f"Python only: {error}"
else:
    ABOUT = "compiled core"
    read_lines, read_plain = _core.read_lines, _core.read_plain
    next_epoch, plain_fix = _core.next_epoch, _core.plain_fix
    whole_epochs = _core.whole_epochs
