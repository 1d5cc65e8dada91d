"""Logins and lists of terminals, as a connection sees them."""

from __future__ import annotations

import pytest

from services.ingest.registry import Registry, Terminal
from services.ingest.session import Session
from services.ingest.settings import SessionSettings
from tests.unit.ingest.lines import epoch, login, rmc, sentence, tagged

NOW_US = 1_750_161_600_000_000
REGISTRY = Registry(
    [Terminal("TRUCK-1", "vehicle", None, "secret"), Terminal("OPEN-1", None, None, None)]
)


def session_with_list(default: str | None = None) -> Session:
    return Session(SessionSettings(default_terminal=default), "run", REGISTRY.authenticate)


@pytest.mark.parametrize("line", [login("TRUCK-1"), login("OPEN-1"), sentence("PDPR,LOGIN,OPEN-1")])
def test_a_login_that_holds_is_answered_ok(line: bytes) -> None:
    session = session_with_list()
    out = session.receive(line, NOW_US)
    assert session.take_replies() == b"$PDPR,OK*3E\r\n"
    assert session.take_replies() == b""
    assert not session.closing
    assert (out.lines_used, out.lines_control, out.rejects) == (1, 1, [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (login("TRUCK-2"), b"unknown"),
        (login("TRUCK-1", "Secret"), b"token"),
        (sentence("PDPR,LOGIN,TRUCK-1"), b"token"),
        (login("no"), b"terminal"),
        (sentence("PDPR,LOGIN"), b"syntax"),
        (sentence("PDPR,LOGIN,TRUCK-1,secret,more"), b"syntax"),
    ],
)
def test_a_refused_login_is_answered_with_its_reason_and_closes(line: bytes, reason: bytes) -> None:
    session = session_with_list()
    out = session.receive(line, NOW_US)
    assert session.closing
    assert session.take_replies().startswith(b"$PDPR,NO," + reason + b"*")
    assert out.lines_rejected == {"login_refused": 1}


def test_a_refused_token_is_in_no_dead_letter() -> None:
    out = session_with_list().receive(login("TRUCK-1", "almost-secret"), NOW_US)
    assert [reject.line for reject in out.rejects] == [b"$PDPR,LOGIN,TRUCK-1"]


def test_what_follows_a_refused_login_does_nothing() -> None:
    session = session_with_list()
    out = session.receive(login("TRUCK-2") + login("TRUCK-1") + epoch(0), NOW_US)
    assert out.lines_rejected == {"login_refused": 4}
    assert not out.fixes
    assert session.take_replies().count(b"$PDPR") == 1


def test_the_epoch_before_a_refused_login_is_kept() -> None:
    session = session_with_list(default="OPEN-1")
    out = session.receive(rmc(0) + login("TRUCK-2"), NOW_US)
    assert [fix.terminal for fix in out.fixes] == ["OPEN-1"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (sentence("PGID,GHOST-1") + rmc(0), "unknown_terminal"),
        (sentence("PGID,TRUCK-1") + rmc(0), "login_refused"),
        (tagged("GHOST-1", rmc(0)), "unidentified"),
    ],
)
def test_with_a_list_a_claim_without_login_must_be_on_it_and_need_no_token(
    lines: bytes, reason: str
) -> None:
    session = session_with_list()
    out = session.receive(lines, NOW_US)
    assert out.lines_rejected == {reason: 1}
    assert session.quarantined
    assert not session.closing


def test_a_terminal_that_needs_no_token_may_just_say_who_it_is() -> None:
    session = session_with_list()
    session.receive(sentence("PGID,OPEN-1") + rmc(0), NOW_US)
    assert [fix.terminal for fix in session.end(NOW_US, clean=True).fixes] == ["OPEN-1"]


def test_a_login_mends_a_refused_claim() -> None:
    session = session_with_list()
    session.receive(sentence("PGID,GHOST-1") + rmc(0) + login("TRUCK-1") + rmc(0), NOW_US)
    assert [fix.terminal for fix in session.end(NOW_US, clean=True).fixes] == ["TRUCK-1"]
