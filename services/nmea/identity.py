"""Lines by which devices say who they are, as trackers in the field send them.

$PGID,<id>*hh    $GPFID,<id>    $DEVID,<id>*hh    $IMEI=<id>    IMEI <id>
<digits>$…, <digits>,$… or <account>/<digits>/$… before a sentence on the same line
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from services.nmea.fields import FieldError

TERMINAL = re.compile(rb"[A-Za-z0-9_-]{3,32}")
"""What a terminal's name may be."""

ADDRESSES: dict[bytes, str] = {b"PGID": "pgid", b"GPFID": "gpfid", b"DEVID": "devid"}
"""Sentences that carry an identity, to the kind that Identification names."""

IMEI_LINE = re.compile(rb"\$?IMEI[ =:,] *+([^ *]*+)(?:\*([0-9A-Fa-f]{2}))? *+")

PREFIX = re.compile(rb"(?:[0-9]{1,20}/)?([0-9]{6,20})[,/]?(?=\$)")
"""Digits before a sentence. Fewer than 6 are more likely the rest of a broken number."""


class Identification(NamedTuple):
    """A line by which the device says who it is."""

    terminal: str
    kind: str
    """``pgid``, ``gpfid``, ``devid``, ``imei`` or ``prefix``."""


def parse(kind: str, fields: Sequence[bytes]) -> Identification:
    """The identity in a sentence's first field. Raises FieldError if it is no terminal name."""
    value = fields[0].strip(b" ") if fields else b""
    if TERMINAL.fullmatch(value) is None:
        raise FieldError(f"{kind}: {value!r}")
    return Identification(value.decode("ascii"), kind)
