"""The scan for pieces: where they begin and end, and what they look like."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.nmea.pieces import Piece, Shape, pieces
from tests.unit.nmea.framed import framed

GOOD = framed("GPZDA,103607.00,06,03,2021,00,00")


def test_shapes() -> None:
    line = b"junk" + GOOD + b"\\s:abc*00\\" + GOOD[:-2] + b"00" + b"$GPZDA,10"
    assert pieces(line) == [
        Piece(Shape.JUNK, b"junk"),
        Piece(Shape.SENTENCE, GOOD),
        Piece(Shape.TAG, b"\\s:abc*00\\"),
        Piece(Shape.WRONG, GOOD[:-2] + b"00"),
        Piece(Shape.OPEN, b"$GPZDA,10"),
    ]


def test_junk_with_start_marks_in_it_is_one_piece() -> None:
    junk = b"a$b!c\\d$$e"
    assert pieces(junk + GOOD) == [Piece(Shape.JUNK, junk), Piece(Shape.SENTENCE, GOOD)]


@given(st.binary(min_size=1, max_size=200))
def test_pieces_come_in_order_and_leave_out_padding_alone(line: bytes) -> None:
    position = 0
    for piece in pieces(line):
        place = line.index(piece.raw, position)
        assert not line[position:place].strip(b" \t\x00$")
        position = place + len(piece.raw)
    assert not line[position:].strip(b" \t\x00")
