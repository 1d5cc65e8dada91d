"""``dipper events``: the zone events of captures, offline, by the code that enrich runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, TextIO

import orjson

from services.model import Fix, ZoneEvent
from services.tools.captures import CaptureError
from services.tools.decode import DONE, FAILED, decode_captures
from services.tools.formatting import format_time
from services.tools.zones import read_zone_files
from services.zones.enriching import enrich_fixes
from services.zones.geojson import ZoneFileError
from services.zones.index import ZoneIndex
from services.zones.transitions import TerminalZones


def run(
    files: Sequence[str],
    terminal: str,
    zone_files: Sequence[str],
    *,
    allow_missing_checksum: bool = False,
) -> int:
    """Write zone events to standard output; talk to standard error. Returns the exit code."""
    return write_events(
        files,
        terminal,
        zone_files,
        sys.stdout.buffer,
        allow_missing_checksum=allow_missing_checksum,
        talk=sys.stderr,
    )


def write_events(
    files: Sequence[str],
    terminal: str,
    zone_files: Sequence[str],
    out: BinaryIO,
    *,
    allow_missing_checksum: bool = False,
    talk: TextIO,
) -> int:
    """Write one JSON line an event to ``out``, in the order of the stream.

    The files are one stream of one terminal, decoded as ``dipper decode`` does; ``-`` is standard
    input. Returns the exit code: 1 if a file can't be read or a zone file has problems
    (after a sentence each), or ``out`` can't be written. A broken pipe is raised.
    """
    fixes = read_fixes(files, terminal, allow_missing_checksum=allow_missing_checksum)
    try:
        for event in zone_events(ZoneIndex(read_zone_files(zone_files)), fixes):
            out.write(event_line(event))
        out.flush()
    except (ZoneFileError, CaptureError) as error:
        print(error, file=talk)
        return FAILED
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"cannot write the output: {error.strerror or error}", file=talk)
        return FAILED
    return DONE


def read_fixes(
    files: Sequence[str], terminal: str, *, allow_missing_checksum: bool = False
) -> Iterator[Sequence[Fix]]:
    """The fixes of the files in order, in batches. Those without a date are left out, as they
    never reach enrich. Raises CaptureError."""
    for part in decode_captures(files, terminal, allow_missing_checksum=allow_missing_checksum):
        yield part.fixes


def zone_events(index: ZoneIndex, batches: Iterable[Sequence[Fix]]) -> Iterator[ZoneEvent]:
    """The events of fixes from the beginning of their terminals' histories."""
    states: dict[str, TerminalZones] = {}
    for fixes in batches:
        for enriched in enrich_fixes(index, states, fixes):
            yield from enriched.events


def event_line(event: ZoneEvent) -> bytes:
    """One line of JSON: the event with its time in RFC 3339."""
    record = {
        "id": event.id,
        "terminal": event.terminal,
        "zone": event.zone,
        "zone_version": event.zone_version,
        "kind": event.kind,
        "time": format_time(event.time_us),
        "lat": event.lat,
        "lon": event.lon,
    }
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
