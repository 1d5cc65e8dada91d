"""Records of fixes and enriched fixes, as ingest and enrich write them and spoilt ones."""

from __future__ import annotations

import orjson
from hypothesis import strategies as st

from services.codec import encode_enriched, encode_fix, splice_enriched
from services.model import FIX_QUALITIES, EnrichedFix, Fix, Source

PARTITION = 3
NUMBERS = st.one_of(
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-180, 180),
    st.integers(-(10**6), 10**6).map(lambda whole: whole / 60),
    st.integers(0, 200_000).map(lambda knots: knots / 1000 * 1.852),
    st.integers(-(2**62), 2**62),
    st.decimals(-1000, 1000, allow_nan=False, places=5).map(float),
)
COUNTS = st.one_of(st.none(), st.integers(0, 99))
BY = st.one_of(
    st.none(),
    st.dictionaries(st.sampled_from(["gps", "glonass", "beidou", "galileo", "qzss"]), COUNTS),
    st.dictionaries(st.sampled_from(["gps", "beidou"]), st.integers(0, 40)),
)
TEXTS = st.one_of(st.just("TRUCK-1"), st.text('abc-_ 09"\\é\0', max_size=6))


@st.composite
def fixes(draw: st.DrawFn) -> Fix:
    """Fixes with values of the right types, and some that no decoder makes."""
    numbers = {
        name: draw(NUMBERS)
        for name in (
            "lat", "lon", "altitude_m", "geoid_separation_m", "speed_kmh", "course_deg",
            "heading_deg", "hdop", "vdop", "pdop", "lat_error_m", "lon_error_m",
            "altitude_error_m", "differential_age_s",
        )
    }  # fmt: skip
    return Fix(
        terminal=draw(TEXTS),
        time_us=draw(st.integers(-(2**60), 2**60)),
        time_of_day_us=draw(COUNTS),
        fix=draw(st.sampled_from(FIX_QUALITIES)),
        satellites_used=draw(COUNTS),
        satellites_used_by=draw(BY),
        satellites_in_view_by=draw(BY),
        talkers=draw(st.lists(st.sampled_from(["GN", "BD", "GB", "GP"]), max_size=3).map(tuple)),
        lines=draw(st.integers(0, 70_000)),
        received_at_us=draw(st.integers(0, 2**60)),
        run=draw(TEXTS),
        **numbers,
    )


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """Records as enrich writes them, spliced or not."""
    fix, late = draw(fixes()), draw(st.booleans())
    zones = tuple(draw(st.lists(TEXTS, max_size=3)))
    source = Source(draw(st.sampled_from([PARTITION, PARTITION, 4])), draw(st.integers(0, 2**40)))
    if draw(st.booleans()):
        return splice_enriched(encode_fix(fix), zones, late, source)
    return encode_enriched(EnrichedFix(fix, zones, late, source))


@st.composite
def spoilt(draw: st.DrawFn, sound: st.SearchStrategy[bytes]) -> bytes:
    """Records with some bytes replaced, or cut, or with fields of other types."""
    record = draw(sound)
    match draw(st.sampled_from(["bytes", "cut", "field", "more"])):
        case "bytes":
            place = draw(st.integers(0, len(record) - 1))
            put = draw(st.sampled_from([b"0", b"-", b".", b"e", b'"', b"\\", b"}", b" ", b"\xff"]))
            return record[:place] + put + record[place + draw(st.integers(0, 2)) :]
        case "cut":
            return record[: draw(st.integers(0, len(record)))]
        case "field":
            fields = orjson.loads(record)
            name = draw(st.sampled_from(sorted(fields)))
            fields[name] = draw(
                st.sampled_from([None, True, "1", 1, 1.5, [], {}, [3, 4], ["a"], "gnss", -1, 2**63])
            )
            return orjson.dumps(fields)
        case _:
            return record[:-1] + b',"terminal":"TRUCK-1"}'
