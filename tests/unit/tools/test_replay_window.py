from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.nmea.framing import Framer
from services.tools.replay_window import LineCounter, Window

STREAMS = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"$B*00", b"\x0b", b"\x85 "])).map(
    b"".join
)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(STREAMS, st.lists(st.integers(0, 1000)))
def test_lines_are_counted_as_the_framer_counts_them_however_the_stream_is_cut(data, places):
    counter, framer = LineCounter(), Framer()
    framed = 0
    for piece in cut(data, places):
        counter.feed(piece)
        framed += len(framer.feed(piece))
    assert counter.complete == framed
    assert counter.open == bool(framer.finish())


@given(STREAMS, st.lists(st.integers(0, 1000)), st.lists(st.integers(0, 20)))
def test_the_rest_begins_with_the_first_unacknowledged_line(data, places, acknowledgements):
    window, acknowledged = Window(), 0
    for piece in cut(data, places):
        window.add(piece)
        if acknowledgements:
            acknowledged = min(acknowledgements.pop(), window.sent_lines)
            window.acknowledge(acknowledged)
    lines = [line for line in re.split(rb"[\r\n]", data) if line]
    rest = [line for line in re.split(rb"[\r\n]", b"".join(window.rest())) if line]
    assert rest == lines[window.acknowledged_lines :]


def test_acknowledged_bytes_are_let_go():
    window = Window()
    for number in range(100):
        window.add(b"line %d\n" % number)
    window.acknowledge(99)
    assert window.retained_bytes == len(b"line 99\n")
    assert window.unacknowledged_lines == 1


def test_an_acknowledgement_of_lines_that_were_never_sent_is_an_error():
    window = Window()
    window.add(b"a\nb\n")
    with pytest.raises(ValueError, match="3 lines acknowledged, 2 sent"):
        window.acknowledge(3)
