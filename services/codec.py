"""JSON bytes of every record on the log, and back.

A decoder raises CodecError for bytes that are no such record: a reader dead-letters them.
The schemas in ``schemas/`` describe the same records for readers in other languages.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from hashlib import blake2b
from operator import attrgetter
from typing import Any, TypeVar

import orjson

from services.model import (
    FIX_QUALITIES,
    MAX_REJECT_BYTES,
    DeadLetter,
    EnrichedFix,
    Fix,
    Message,
    Reject,
    Source,
    Tally,
    Waypoint,
    ZoneEvent,
    ZoneState,
)

read_waypoints: Callable[[list[bytes | None]], tuple[list[Waypoint | None], list[int]]] | None = (
    None
)
"""``decode_waypoint`` of many records, compiled. A record that is not as ``encode_fix`` writes it
gives None, and its index is in the second list. Where it was not built, or DIPPER_PURE_PYTHON is
set, there is none."""
try:
    import services._codec as _codec  # noqa: PLR0402

    _codec.setup(Waypoint, FIX_QUALITIES)
except ImportError:
    pass  # The Python code below does all of it.
else:
    read_waypoints = _codec.read_waypoints

add_plain_fixes: Callable[[list[Any], list[Fix], int, type], tuple[int, int]] | None = None
"""``add_fixes`` of ``fixes[start:]``, compiled, up to the first fix that is not plain; the place of
that one and the bytes."""
try:
    import services._fixes as _fixes  # noqa: PLR0402

    _fixes.setup(Fix)
except ImportError:
    pass
else:
    add_plain_fixes = _fixes.add_fixes

Value = TypeVar("Value", bound=tuple[Any, ...])


class CodecError(ValueError):
    """Bytes that are no record of the expected kind."""


def content_id(*parts: str | int | bytes) -> str:
    """A hash of content that names it: 32 hex digits, the same on every machine and run."""
    digest = blake2b(digest_size=16)
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(raw).to_bytes(4, "big"))
        digest.update(raw)
    return digest.hexdigest()


def encode_fix(fix: Fix) -> bytes:
    """A fix as a record of ``telematics.fix.v1``.

    Most of what the stream did not give is left out. What RMC and GGA hold is always there, null
    or not: a literal is twice as fast as looking at every field.
    """
    record: dict[str, Any] = {
        "terminal": fix.terminal,
        "time_us": fix.time_us,
        "time_of_day_us": fix.time_of_day_us,
        "lat": fix.lat,
        "lon": fix.lon,
        "altitude_m": fix.altitude_m,
        "geoid_separation_m": fix.geoid_separation_m,
        "speed_kmh": fix.speed_kmh,
        "course_deg": fix.course_deg,
        "fix": fix.fix,
        "satellites_used": fix.satellites_used,
        "hdop": fix.hdop,
        "talkers": fix.talkers,
        "lines": fix.lines,
        "received_at_us": fix.received_at_us,
        "run": fix.run,
    }
    if (rare := _rare(fix)) != _NO_RARE:
        record.update(item for item in zip(_RARE, rare, strict=True) if item[1] is not None)
    return orjson.dumps(record)


def add_fixes(entries: list[Value], fixes: list[Fix], kind: type[Value]) -> int:
    """Append a ``kind`` of terminal (UTF-8) and ``encode_fix`` for each; the values' bytes in all.

    ``kind`` is a NamedTuple of two: the log's Entry, which this module does not know.
    """
    done = size = 0
    while done < len(fixes):
        if add_plain_fixes is not None:
            done, plain = add_plain_fixes(entries, fixes, done, kind)
            size += plain
            if done == len(fixes):
                break
        fix = fixes[done]
        # orjson's bytes keep the 4 KiB that they were written in for as long as they live; records
        # wait by the ten thousand, so each is copied to its own size.
        value = b"%b" % encode_fix(fix)
        entries.append(tuple.__new__(kind, (fix.terminal.encode(), value)))
        size += len(value)
        done += 1
    return size


def decode_fix(value: bytes | None) -> Fix:
    """The fix of such a record. Raises CodecError."""
    return _fix(load_object(value))


def decode_waypoint(value: bytes | None) -> Waypoint:
    """What zones need of such a record, at half the cost of all of it. Raises CodecError."""
    fields = load_object(value)
    get = fields.get
    point = Waypoint(get("terminal"), get("time_us"), get("lat"), get("lon"), get("fix"))  # type: ignore[arg-type]
    terminal, time_us, lat, lon, _ = point
    if (
        terminal.__class__ is str
        and time_us.__class__ is int
        and (lat is None or (isinstance(lat, float | int) and isinstance(lon, float | int)))
    ):
        return point
    raise CodecError(f"no fix with a terminal, a time and numbers for its place: {point!r:.200}")


def decode_waypoints(values: list[bytes | None]) -> list[Waypoint | None]:
    """``decode_waypoint`` of each; None where that raises CodecError."""
    if read_waypoints is None:
        return [_waypoint_or_none(value) for value in values]
    waypoints, odd = read_waypoints(values)
    for index in odd:
        waypoints[index] = _waypoint_or_none(values[index])
    return waypoints


def splice_enriched(fix_value: bytes, zones: tuple[str, ...], late: bool, source: Source) -> bytes:
    """A record of ``telematics.enriched.v1`` from the fix's own bytes, which are not redone."""
    if not zones and not late:
        # By far the most frequent case.
        return b'%b,"zones":[],"late":false,"source":[%d,%d]}' % (fix_value[:-1], *source)
    tail = orjson.dumps({"zones": zones, "late": late, "source": list(source)})
    return fix_value[:-1] + b"," + tail[1:]


def encode_dead_letter(value: bytes | None, reason: str, source: Source) -> bytes:
    """In ``telematics.enriched.v1``, the place of a record of the fix topic that is no fix.

    It keeps the sequence of sources without a gap, so that the ledger counts the record.
    """
    raw = base64.b64encode((value or b"")[:MAX_REJECT_BYTES]).decode("ascii")
    return orjson.dumps({"dead_letter": raw, "reason": reason, "source": list(source)})


def decode_dead_letter(value: bytes | None) -> DeadLetter:
    """The dead letter of such a record. Raises CodecError."""
    fields = load_object(value)
    try:
        raw = base64.b64decode(fields["dead_letter"], validate=True)
        return DeadLetter(raw, str(fields["reason"]), Source(*fields["source"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CodecError(f"not a dead letter: {error!r}") from error


def encode_enriched(enriched: EnrichedFix) -> bytes:
    """An enriched fix as a record of ``telematics.enriched.v1``."""
    return splice_enriched(encode_fix(enriched.fix), enriched.zones, enriched.late, enriched.source)


def decode_enriched(value: bytes | None) -> EnrichedFix:
    """The enriched fix of such a record. Raises CodecError."""
    fields = load_object(value)
    try:
        zones = tuple(fields.pop("zones"))
        late = bool(fields.pop("late"))
        source = Source(*fields.pop("source"))
    except (KeyError, TypeError) as error:
        raise CodecError(f"not an enriched fix: {error!r}") from error
    return EnrichedFix(_fix(fields), zones, late, source)


def encode_zone_event(event: ZoneEvent) -> bytes:
    """A zone event as a record of ``telematics.zone-event.v1``."""
    return orjson.dumps(event._asdict())


def decode_zone_event(value: bytes | None) -> ZoneEvent:
    """The zone event of such a record. Raises CodecError."""
    return _build(ZoneEvent, load_object(value))


def encode_message(message: Message) -> bytes:
    """A message as a record of ``telematics.message.v1``; its line as base64."""
    return orjson.dumps(_with_text_line(message._asdict()))


def decode_message(value: bytes | None) -> Message:
    """The message of such a record. Raises CodecError."""
    return _build(Message, _with_byte_line(load_object(value)))


def encode_reject(reject: Reject) -> bytes:
    """A reject as a record of ``telematics.reject.v1``; its line as base64."""
    return orjson.dumps(_with_text_line(reject._asdict()))


def decode_reject(value: bytes | None) -> Reject:
    """The reject of such a record. Raises CodecError."""
    return _build(Reject, _with_byte_line(load_object(value)))


def encode_tally(tally: Tally) -> bytes:
    """A tally as a record of ``telematics.tally.v1``."""
    return orjson.dumps(tally._asdict(), option=orjson.OPT_NON_STR_KEYS)


def decode_tally(value: bytes | None) -> Tally:
    """The tally of such a record. Raises CodecError."""
    fields = load_object(value)
    for name in ("fix_offsets", "message_offsets", "reject_offsets"):
        offsets = fields.get(name)
        if isinstance(offsets, dict):
            fields[name] = {int(partition): offset for partition, offset in offsets.items()}
    return _build(Tally, fields)


def encode_zone_state(state: ZoneState) -> bytes:
    """A zone state as a record of ``telematics.zone-state.v1``."""
    # A literal takes a third of the time of _asdict(), and each checkpoint saves a state for every
    # terminal that was heard.
    return orjson.dumps(
        {
            "terminal": state.terminal,
            "source": [*state.source],
            "generation": state.generation,
            "last_time_us": state.last_time_us,
            "inside": state.inside,
        }
    )


def decode_zone_state(value: bytes | None) -> ZoneState:
    """The zone state of such a record. Raises CodecError."""
    fields = load_object(value)
    if isinstance(fields.get("source"), list):
        fields["source"] = Source(*fields["source"])
    return _build(ZoneState, fields)


_RARE = (
    "heading_deg",
    "satellites_used_by",
    "satellites_in_view_by",
    "vdop",
    "pdop",
    "lat_error_m",
    "lon_error_m",
    "altitude_error_m",
    "differential_age_s",
)
_rare = attrgetter(*_RARE)
_NO_RARE = (None,) * len(_RARE)
_NOTHING_GIVEN = {
    name: None
    for name in Fix._fields
    if name not in ("terminal", "fix", "talkers", "lines", "received_at_us", "run")
}


def load_object(value: bytes | None) -> dict[str, Any]:
    """The JSON object of a record. Raises CodecError."""
    if value is None:
        raise CodecError("a tombstone where a record was expected")
    try:
        fields = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise CodecError(f"no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise CodecError("no JSON object")
    return fields


def _waypoint_or_none(value: bytes | None) -> Waypoint | None:
    try:
        return decode_waypoint(value)
    except CodecError:
        return None


def _fix(fields: dict[str, Any]) -> Fix:
    if isinstance(fields.get("talkers"), list):
        fields["talkers"] = tuple(fields["talkers"])
    return _build(Fix, {**_NOTHING_GIVEN, **fields})


def _build(kind: type[Value], fields: Mapping[str, Any]) -> Value:
    try:
        return kind(**fields)
    except TypeError as error:
        raise CodecError(f"not a {kind.__name__}: {error}") from error


def _with_text_line(fields: dict[str, Any]) -> dict[str, Any]:
    fields["line"] = base64.b64encode(fields["line"]).decode("ascii")
    return fields


def _with_byte_line(fields: dict[str, Any]) -> dict[str, Any]:
    try:
        fields["line"] = base64.b64decode(fields["line"], validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise CodecError(f"line is no base64: {error!r}") from error
    return fields
