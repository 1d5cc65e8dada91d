"""No token in a dead letter, however damaged the login was."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.hiding import hide_tokens
from services.ingest.session import Session
from services.ingest.settings import SessionSettings
from services.model import Reject
from tests.unit.ingest.lines import ACK_ON, login, rmc, sentence, tagged

TOKEN = "k7Gf2xQz9Lp4"
LOGIN = login("TRUCK-1", TOKEN)


def hidden(line: bytes) -> bytes:
    rejects = [Reject(None, "checksum_wrong", line, 0, "run")]
    hide_tokens(rejects)
    return rejects[0].line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (LOGIN.strip(), b"$PDPR,LOGIN,TRUCK-1"),
        (LOGIN.replace(b"TRUCK", b"TRVCK").strip(), b"$PDPR,LOGIN"),
        (LOGIN.replace(b"TRUCK-1,", b"TRUCK-1;").strip(), b"$PDPR,LOGIN"),
        (LOGIN[:20], b"$PDPR,LOGIN"),
        (LOGIN.replace(b"PDPR", b"P?PR").strip(), b"$P?PR,LOGIN"),
        (LOGIN.replace(b"LOGIN", b"LO?IN").strip(), b"$PDPR"),
        (LOGIN.lower().strip(), b"$pdpr,login"),
        (sentence("PDPR,ACK,OFF").strip(), sentence("PDPR,ACK,OFF").strip()),
        (rmc(0), rmc(0)),
        (b"noise", b"noise"),
    ],
)
def test_a_line_that_may_be_a_login_is_cut(line: bytes, shown: bytes) -> None:
    assert hidden(line) == shown


@settings(max_examples=2000)
@given(st.data())
def test_a_login_damaged_in_one_place_leaves_no_token_in_the_dead_letters(
    data: st.DataObject,
) -> None:
    place = data.draw(st.integers(0, len(LOGIN) - 3))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b not in b"\r\n"))
    damaged = LOGIN[:place] + bytes((byte,)) + LOGIN[place + 1 :]
    session = Session(SessionSettings(), "run")
    for line in (damaged, rmc(0) + damaged, tagged("TAG-1", damaged), ACK_ON.strip() + damaged):
        out = session.receive(line, 0)
        assert not [one for one in out.rejects if TOKEN[3:].encode() in one.line]


def test_a_login_that_breaks_off_leaves_no_token() -> None:
    session = Session(SessionSettings(), "run")
    session.receive(LOGIN[:25], 0)
    (reject,) = session.end(0, clean=True).rejects
    assert TOKEN[:3].encode() not in reject.line
