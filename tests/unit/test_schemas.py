"""What the codec writes is what the JSON schemas promise to readers in other languages."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from services import codec
from services.model import (
    FIX_QUALITIES,
    EnrichedFix,
    Fix,
    Message,
    Reject,
    Source,
    Tally,
    ZoneEvent,
    ZoneState,
)
from services.terminals.records import KINDS, Terminal, encode_terminal
from services.terminals.tokens import hash_token


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((files("schemas") / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


numbers = st.floats(0, 359, allow_nan=False)
times = st.integers(-(2**50), 2**52)
counts = st.integers(0, 2**40)
hashes = st.text("0123456789abcdef", min_size=32, max_size=32)
terminals = st.from_regex(r"[A-Za-z0-9_-]{3,32}", fullmatch=True)
satellites = maybe(
    st.dictionaries(st.sampled_from(["gps", "beidou", "galileo", "gnss"]), st.integers(0, 60))
)
lats, lons = st.floats(-90, 90), st.floats(-180, 180)
sources = st.builds(Source, st.integers(0, 99), counts)
texts = st.text(max_size=20)

fixes = st.builds(
    Fix,
    terminal=terminals,
    time_us=times,
    time_of_day_us=maybe(st.integers(0, 86_399_999_999)),
    lat=maybe(lats),
    lon=maybe(lons),
    altitude_m=maybe(st.floats(-500, 9000)),
    geoid_separation_m=maybe(st.floats(-110, 90)),
    speed_kmh=maybe(numbers),
    course_deg=maybe(numbers),
    heading_deg=maybe(numbers),
    fix=st.sampled_from(FIX_QUALITIES),
    satellites_used=maybe(st.integers(0, 99)),
    satellites_used_by=satellites,
    satellites_in_view_by=satellites,
    hdop=maybe(numbers),
    vdop=maybe(numbers),
    pdop=maybe(numbers),
    lat_error_m=maybe(numbers),
    lon_error_m=maybe(numbers),
    altitude_error_m=maybe(numbers),
    differential_age_s=maybe(numbers),
    talkers=st.sampled_from([(), ("GN",), ("BD", "GP")]),
    lines=st.integers(0, 50),
    received_at_us=times,
    run=texts,
)
enriched = st.builds(EnrichedFix, fixes, st.lists(texts).map(tuple), st.booleans(), sources)
events = st.builds(
    ZoneEvent,
    hashes,
    terminals,
    texts,
    texts,
    st.sampled_from(["enter", "exit"]),
    times,
    lats,
    lons,
)
messages = st.builds(
    Message,
    id=hashes,
    terminal=terminals,
    time_us=maybe(times),
    talker=texts,
    sentence=texts,
    fields=st.dictionaries(texts, texts | st.integers(0, 9) | st.none()),
    line=st.binary(max_size=80),
    received_at_us=times,
    run=texts,
)
rejects = st.builds(Reject, maybe(texts), texts, st.binary(max_size=80), times, texts)
tallies = st.builds(
    Tally,
    run=texts,
    sequence=counts,
    lines_read=counts,
    lines_pending=counts,
    lines_used=counts,
    lines_control=counts,
    lines_rejected=st.dictionaries(texts, counts),
    fixes_published=counts,
    messages_published=counts,
    fix_offsets=st.dictionaries(st.integers(0, 99), counts),
    message_offsets=st.dictionaries(st.integers(0, 99), counts),
    reject_offsets=st.dictionaries(st.integers(0, 99), counts),
    lines_repeated=counts,
    final=st.booleans(),
)
states = st.builds(ZoneState, terminals, sources, counts, times, st.dictionaries(texts, texts))

listed = st.builds(
    Terminal,
    name=terminals,
    kind=st.sampled_from([None, *KINDS]),
    terminal_class=maybe(st.text(min_size=1, max_size=64)),
    token=maybe(
        st.builds(hash_token, st.text("abc0189_-", min_size=1), st.binary(min_size=16, max_size=16))
    ),
)

RECORDS = {
    "fix.v1": (codec.encode_fix, fixes),
    "enriched.v1": (codec.encode_enriched, enriched),
    "zone-event.v1": (codec.encode_zone_event, events),
    "message.v1": (codec.encode_message, messages),
    "reject.v1": (codec.encode_reject, rejects),
    "tally.v1": (codec.encode_tally, tallies),
    "zone-state.v1": (codec.encode_zone_state, states),
    "terminal.v1": (encode_terminal, listed),
}


@pytest.mark.parametrize("name", RECORDS)
def test_every_record_that_the_codec_writes_fits_its_schema(name: str) -> None:
    encode: Callable[[Any], bytes] = RECORDS[name][0]
    schema = validator(name)

    @given(RECORDS[name][1])
    def fits(record: Any) -> None:
        schema.validate(json.loads(encode(record)))

    fits()


@pytest.mark.parametrize("name", RECORDS)
def test_a_schema_refuses_a_record_that_lacks_a_field(name: str) -> None:
    schema = validator(name)
    with pytest.raises(ValidationError):
        schema.validate({})


def test_a_dead_letter_has_its_place_among_the_enriched_fixes() -> None:
    letter = codec.encode_dead_letter(b"\xff no fix", "undecodable", Source(1, 7))
    validator("enriched.v1").validate(json.loads(letter))
    with pytest.raises(ValidationError):
        validator("fix.v1").validate(json.loads(letter))


def test_every_topic_of_the_codec_has_a_schema() -> None:
    written = {entry.name for entry in files("schemas").iterdir()}
    assert {f"{name}.schema.json" for name in RECORDS} <= written
