"""The way of rare sentences through pynmeagps."""

from __future__ import annotations

import subprocess
import sys

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.nmea.readings import Other
from services.nmea.reference import parse_other, parse_typed
from tests.unit.nmea.framed import framed, read_one

ADDRESSES = ["GPTXT", "GPGBS", "SDMTW", "GPRTE", "PUBX", "PASHR", "PGRME", "PQTMVERNO", "IIXDR"]


def fields_of(line: bytes) -> object:
    other = read_one(line)
    assert isinstance(other, Other)
    return parse_other(line, other)


def test_fields_have_names_and_empty_ones_are_none() -> None:
    assert fields_of(framed("SDMTW,17.5,C")) == {"temp": 17.5, "tempu": "C"}
    assert fields_of(framed("SDMTW,,C")) == {"temp": None, "tempu": "C"}


def test_times_are_text() -> None:
    fields = fields_of(framed("GPGBS,131519.00,1.2,1.4,3.2,,,,"))
    assert isinstance(fields, dict)
    assert fields["time"] == "13:15:19"


def test_a_talker_that_pynmeagps_does_not_know_is_no_hindrance() -> None:
    assert fields_of(framed("XXMTW,17.5,C")) == fields_of(framed("SDMTW,17.5,C")) is not None


def test_ais_reports_keep_their_fields_by_number() -> None:
    assert fields_of(framed("AIVDM,1,1,,A,13oP50Oi,0", b"!")) == {
        "field_01": "1",
        "field_02": "1",
        "field_03": None,
        "field_04": "A",
        "field_05": "13oP50Oi",
        "field_06": "0",
    }


@pytest.mark.parametrize(
    "line",
    [
        framed("BDTXR,1,0166166,1,,3132333433333335"),
        framed("BDICI,0242286,00242286,0000011,6,60,3,N,0"),
        framed("PSRFEPE,074150.799,V,,,,,"),
        framed("PASHR,"),
        framed("PUBX,99"),
        framed("GNFOO,"),
        framed("SDMTW,warm,C"),
        framed("AIXYZ,1", b"!"),
    ],
)
def test_a_sentence_that_nobody_knows_or_can_read_is_none(line: bytes) -> None:
    assert fields_of(line) is None


@given(
    st.sampled_from(ADDRESSES),
    st.lists(st.binary(max_size=12), max_size=20),
)
def test_any_fields_give_json_or_none(address: str, fields: list[bytes]) -> None:
    split = 1 if address[0] == "P" else 2
    parsed = parse_other(b"$", Other(address[:split], address[split:], fields))
    assert parsed is None or orjson.dumps(parsed)


def test_only_typed_sentences_are_compared() -> None:
    with pytest.raises(ValueError, match="no typed sentence"):
        parse_typed([b"GPTXT", b"1"])


def test_pynmeagps_is_imported_when_it_is_first_needed() -> None:
    code = "import sys, services.nmea.stream; sys.exit('pynmeagps' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
