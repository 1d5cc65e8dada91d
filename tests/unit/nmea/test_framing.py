"""Physical lines: what ends them, how long they may be, and that reads don't matter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.nmea.framing import Framer

STREAMS = st.lists(
    st.one_of(st.sampled_from([b"\r", b"\n", b"\r\n", b"\x00"]), st.binary(max_size=12))
).map(b"".join)


def lines(*reads: bytes, max_line: int = 1024) -> list[bytes]:
    framer = Framer(max_line)
    found = [line for data in reads for line in framer.feed(data)]
    return found + framer.finish()


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\r\n", b"\n\r", b"\n\n"])
def test_any_run_of_cr_and_lf_ends_a_line(end: bytes) -> None:
    assert lines(b"a" + end + b"b" + end) == [b"a", b"b"]


@pytest.mark.parametrize("other", [b"\x00", b"\x0b", b"\x0c", b"\x1c", b"\x85", b" "])
def test_no_other_byte_ends_a_line(other: bytes) -> None:
    assert lines(b"a" + other + b"b\n") == [b"a" + other + b"b"]


def test_a_read_that_ends_between_cr_and_lf_makes_no_blank_line() -> None:
    assert lines(b"a\r", b"\nb\r", b"\n") == [b"a", b"b"]


def test_a_line_comes_out_with_its_end_and_not_before() -> None:
    framer = Framer()
    assert framer.feed(b"$GPGGA,") == []
    assert len(framer.open_line) == 7
    assert framer.feed(b"1\r") == [b"$GPGGA,1"]
    assert len(framer.open_line) == 0


def test_the_rest_without_an_end_comes_out_at_the_end_of_the_stream_once() -> None:
    framer = Framer()
    assert framer.feed(memoryview(b"a\nb")) == [b"a"]
    assert framer.finish() == [b"b"]
    assert framer.finish() == []


def test_a_line_of_the_limit_comes_out_whole_and_a_longer_one_cut_behind_it() -> None:
    assert lines(b"x" * 10 + b"\n", max_line=10) == [b"x" * 10]
    assert lines(b"x" * 11 + b"\nab\n", max_line=10) == [b"x" * 11, b"ab"]
    assert lines(b"x" * 99, max_line=10) == [b"x" * 11]


def test_an_endless_line_is_not_kept() -> None:
    framer = Framer(100)
    for _ in range(50):
        assert framer.feed(b"x" * 1000) == []
        assert len(framer.open_line) == 101
    assert framer.feed(b"\nab\n") == [b"x" * 101, b"ab"]


@given(STREAMS, st.lists(st.integers(0, 200)), st.sampled_from([1, 5, 1024]))
def test_lines_do_not_depend_on_where_reads_end(
    stream: bytes, cuts: list[int], max_line: int
) -> None:
    ends = sorted({min(cut, len(stream)) for cut in cuts} | {len(stream)})
    reads = [stream[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    bytewise = [stream[place : place + 1] for place in range(len(stream))]
    whole = lines(stream, max_line=max_line)
    assert lines(*reads, max_line=max_line) == whole
    assert lines(*bytewise, max_line=max_line) == whole


@given(STREAMS)
def test_only_line_ends_are_lost(stream: bytes) -> None:
    expected = stream.replace(b"\r", b"").replace(b"\n", b"")
    assert b"".join(lines(stream)) == expected
