"""Dead letters without tokens: a login that came damaged holds one that is nearly right."""

from __future__ import annotations

from services.model import Reject
from services.nmea.checksum import HEX_BYTES, checksum

MARKS = (b"PDPR", b"LOGIN")


def hide_tokens(rejects: list[Reject]) -> None:
    """Cut every line that may be a login, in place: after the terminal's name if its checksum
    holds, else where the name would begin, as the comma behind it may be what was damaged. Where
    a damaged login was taken for two pieces, the second is emptied."""
    broken = False
    for index, reject in enumerate(rejects):
        line = reject.line
        upper = line.upper()
        if MARKS[0] in upper or MARKS[1] in upper:
            start = min(place for mark in MARKS if (place := upper.find(mark)) >= 0)
            broken = not _holds(line[start:])
            rejects[index] = reject._replace(line=_cut(line, upper, start, broken=broken))
        else:
            if broken and not _holds(line[1:]):
                rejects[index] = reject._replace(line=b"")
            broken = False


def _cut(line: bytes, upper: bytes, start: int, *, broken: bool) -> bytes:
    if not broken and line[start : start + 6] == b"PDPR,L":
        return line[:start] + b",".join(line[start:].split(b",", 3)[:3])
    command = upper.find(MARKS[1], start)
    if command >= 0:
        return line[: command + len(MARKS[1])]
    return line[: start + len(MARKS[0])] if broken else line


def _holds(sentence: bytes) -> bool:
    body, star, digits = sentence.rpartition(b"*")
    return bool(star) and HEX_BYTES.get(digits[:2]) == checksum(body)
