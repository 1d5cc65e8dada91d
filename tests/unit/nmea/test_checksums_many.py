"""Many checksums at once say what one at a time says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.nmea.checksum import checksum
from services.nmea.checksums_many import WORTH_IT_LINES, lines_that_hold
from services.nmea.read import read_line, read_lines, read_lines_in_python
from tests.core import reading_by
from tests.unit.nmea.framed import framed

RMC = framed("GNRMC,123519.00,A,4807.038,N,01131.000,E,022.4,084.4,230394,,,A")
ODD = (
    RMC,
    RMC[:-2] + RMC[-2:].lower(),
    RMC[:-1] + b"!",
    RMC[:-1],
    b"x" + RMC,
    RMC + b"x",
    RMC[:20] + RMC,
    b"$",
    b"*",
    b"$*00",
    b"\xff\x00\x01",
    b"$GPGLL,,,,,,V*06",
    b"#" * 2000,
)


def holds(line: bytes) -> bool:
    sent = line[-2:]
    if len(line) < 4 or line[:1] != b"$" or line[-3:-2] != b"*":
        return False
    return sent.upper() == b"%02X" % checksum(line[1:-3])


@given(st.lists(st.sampled_from(ODD) | st.binary(min_size=1, max_size=90), min_size=1))
def test_each_line_is_judged_as_if_it_were_alone(lines: list[bytes]) -> None:
    assert lines_that_hold(lines) == [holds(line) for line in lines]


@pytest.mark.parametrize("allow", [False, True])
def test_a_long_read_gives_what_its_lines_give_one_by_one(allow: bool) -> None:
    lines = list(ODD) * (WORTH_IT_LINES // len(ODD) + 1)
    with reading_by("python"):
        expected = [
            (raw, reading, ordinal)
            for ordinal, line in enumerate(lines, 5)
            for raw, reading in read_line(line, allow_missing_checksum=allow)
        ]
    assert read_lines_in_python(lines, 5, allow_missing_checksum=allow) == expected


@pytest.mark.parametrize("allow", [False, True])
def test_a_long_read_by_the_core_gives_the_same(allow: bool) -> None:
    lines = list(ODD) * (WORTH_IT_LINES // len(ODD) + 1)
    expected = read_lines_in_python(lines, 5, allow_missing_checksum=allow)
    with reading_by("compiled"):
        assert read_lines(lines, 5, allow_missing_checksum=allow) == expected
