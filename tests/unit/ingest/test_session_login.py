"""Logins and lists of terminals, as a connection sees them."""

from __future__ import annotations

import pytest

from services.ingest.identity import BANNED, Trust, Verdict
from services.ingest.registry import Registry, UnknownTerminals
from services.ingest.session import Session
from services.ingest.settings import SessionSettings
from services.ingest.visitor import Stranger
from services.terminals.records import Terminal
from services.terminals.tokens import hash_token
from tests.unit.ingest.lines import ACK_ON, epoch, login, rmc, sentence, tagged

NOW_US = 1_750_161_600_000_000
LIST = [
    Terminal("TRUCK-1", "vehicle", None, hash_token("secret", b"s" * 16)),
    Terminal("OPEN-1"),
]


def listed(terminals: list[Terminal], unknown: UnknownTerminals = "quarantine") -> Registry:
    registry = Registry(unknown)
    registry.replace(terminals)
    return registry


def session_with_list(
    default: str | None = None, unknown: UnknownTerminals = "quarantine"
) -> Session:
    judge = Stranger(listed(LIST, unknown))
    return Session(SessionSettings(default_terminal=default), "run", judge)


@pytest.mark.parametrize("line", [login("TRUCK-1"), login("OPEN-1"), sentence("PDPR,LOGIN,OPEN-1")])
def test_a_login_that_holds_is_answered_ok(line: bytes) -> None:
    session = session_with_list()
    out = session.receive(line, NOW_US)
    assert session.take_replies() == b"$PDPR,OK*3E\r\n"
    assert session.take_replies() == b""
    assert not session.closing
    assert (out.lines_used, out.lines_control, out.rejects) == (1, 1, [])


@pytest.mark.parametrize(
    ("line", "answer", "reason"),
    [
        (login("TRUCK-2"), b"refused", "unknown_terminal"),
        (login("TRUCK-1", "Secret"), b"refused", "login_refused"),
        (sentence("PDPR,LOGIN,TRUCK-1"), b"refused", "login_refused"),
        (login("no"), b"terminal", "login_refused"),
        (sentence("PDPR,LOGIN"), b"syntax", "login_refused"),
        (sentence("PDPR,LOGIN,TRUCK-1,secret,more"), b"syntax", "login_refused"),
    ],
)
def test_a_refused_login_is_answered_and_closes(line: bytes, answer: bytes, reason: str) -> None:
    session = session_with_list()
    out = session.receive(line, NOW_US)
    assert session.closing
    assert session.take_replies().startswith(b"$PDPR,NO," + answer + b"*")
    assert out.lines_rejected == {reason: 1}


def test_a_refused_token_is_in_no_dead_letter() -> None:
    out = session_with_list().receive(login("TRUCK-1", "almost-secret"), NOW_US)
    assert [reject.line for reject in out.rejects] == [b"$PDPR,LOGIN,TRUCK-1"]


def test_what_follows_a_refused_login_does_nothing() -> None:
    session = session_with_list()
    out = session.receive(login("TRUCK-2") + login("TRUCK-1") + epoch(0), NOW_US)
    assert out.lines_rejected == {"unknown_terminal": 4}
    assert not out.fixes
    assert session.take_replies().count(b"$PDPR") == 1


def test_the_dead_letters_of_an_unknown_terminal_say_what_it_calls_itself() -> None:
    out = session_with_list().receive(login("TRUCK-2") + rmc(0), NOW_US)
    assert {reject.terminal for reject in out.rejects} == {"TRUCK-2"}
    out = session_with_list().receive(sentence("PGID,GHOST-1") + rmc(0), NOW_US)
    assert [reject.terminal for reject in out.rejects] == ["GHOST-1"]


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
        (tagged("TRUCK-1", rmc(0)), "unidentified"),
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


@pytest.mark.parametrize("line", [sentence("PGID,GHOST-1"), sentence("PGID,TRUCK-1")])
def test_where_strangers_are_rejected_such_a_claim_ends_the_connection(line: bytes) -> None:
    session = session_with_list(unknown="reject")
    out = session.receive(line + rmc(0), NOW_US)
    assert session.closing
    assert session.take_replies() == b""
    assert not out.fixes


def test_where_strangers_are_accepted_only_the_listed_need_their_token() -> None:
    session = session_with_list(unknown="accept")
    session.receive(sentence("PGID,GHOST-1") + rmc(0), NOW_US)
    out = session.receive(login("TRUCK-1", "guess"), NOW_US)
    assert [fix.terminal for fix in out.fixes] == ["GHOST-1"]
    assert session.closing


def test_a_terminal_that_needs_no_token_may_just_say_who_it_is() -> None:
    session = session_with_list()
    session.receive(sentence("PGID,OPEN-1") + rmc(0), NOW_US)
    assert [fix.terminal for fix in session.end(NOW_US, clean=True).fixes] == ["OPEN-1"]


def test_a_login_mends_a_refused_claim() -> None:
    session = session_with_list()
    session.receive(sentence("PGID,GHOST-1") + rmc(0) + login("TRUCK-1") + rmc(0), NOW_US)
    assert [fix.terminal for fix in session.end(NOW_US, clean=True).fixes] == ["TRUCK-1"]


def certified(name: str) -> Session:
    session = session_with_list()
    session.claims.certify(name)
    return session


def test_a_certificate_says_who_it_is_and_needs_no_token() -> None:
    session = certified("TRUCK-1")
    session.receive(rmc(0), NOW_US)
    assert [fix.terminal for fix in session.end(NOW_US, clean=True).fixes] == ["TRUCK-1"]


def test_a_login_under_the_certificates_name_is_welcome() -> None:
    session = certified("TRUCK-1")
    session.receive(sentence("PDPR,LOGIN,TRUCK-1") + ACK_ON, NOW_US)
    assert session.take_replies() == b"$PDPR,OK*3E\r\n"
    assert not session.closing


@pytest.mark.parametrize("line", [sentence("PGID,OPEN-1"), tagged("OPEN-1", b"")])
def test_nothing_but_a_login_speaks_against_a_certificate(line: bytes) -> None:
    session = certified("TRUCK-1")
    session.receive(line + rmc(0), NOW_US)
    assert [fix.terminal for fix in session.end(NOW_US, clean=True).fixes] == ["TRUCK-1"]


def test_a_login_as_someone_else_is_refused_whatever_its_token() -> None:
    session = certified("OPEN-1")
    session.receive(login("TRUCK-1") + rmc(0), NOW_US)
    assert session.closing
    assert session.take_replies().startswith(b"$PDPR,NO,refused*")


def test_a_certificate_whose_name_is_no_terminals_leaves_it_to_the_lines() -> None:
    session = certified("Gateways of the Wenzhou Port, Ltd")
    session.receive(login("TRUCK-1") + rmc(0), NOW_US)
    assert [fix.terminal for fix in session.end(NOW_US, clean=True).fixes] == ["TRUCK-1"]


def test_a_certificate_that_is_refused_leaves_nothing_to_the_lines() -> None:
    session = certified("GHOST-1")
    out = session.receive(sentence("PGID,OPEN-1") + rmc(0), NOW_US)
    assert out.lines_rejected == {"unknown_terminal": 1}


def test_a_certificate_of_a_terminal_that_is_shut_out_ends_the_connection() -> None:
    class ShutOut(Stranger):
        def claim(self, terminal: str, trust: Trust) -> Verdict:
            return BANNED if trust is Trust.CERTIFICATE else super().claim(terminal, trust)

    session = Session(SessionSettings(), "run", ShutOut())
    session.claims.certify("TRUCK-1")
    assert session.closing


@pytest.mark.parametrize(
    ("lines", "closes"),
    [
        (login("TRUCK-1"), True),
        (sentence("PGID,OPEN-1"), True),
        (tagged("OPEN-1", rmc(0)), True),
        (rmc(0), False),
        (sentence("PGID,GHOST-1"), False),
    ],
)
def test_who_is_taken_off_the_list_is_closed(lines: bytes, closes: bool) -> None:
    registry = listed(LIST)
    session = Session(SessionSettings(), "run", Stranger(registry))
    session.receive(lines, NOW_US)
    registry.replace([])
    session.rejudge()
    assert session.closing is closes


def test_who_stays_on_the_list_does_not_notice() -> None:
    registry = listed(LIST)
    session = Session(SessionSettings(), "run", Stranger(registry))
    session.receive(sentence("PGID,OPEN-1") + rmc(0), NOW_US)
    registry.replace([*LIST, Terminal("NEW-1")])
    session.rejudge()
    assert not session.closing
    assert session.lines_pending == 1


def test_who_comes_onto_the_list_leaves_quarantine_without_saying_its_name_again() -> None:
    registry = listed(LIST)
    session = Session(SessionSettings(), "run", Stranger(registry))
    session.receive(sentence("PGID,GHOST-1") + rmc(0), NOW_US)
    registry.replace([*LIST, Terminal("GHOST-1")])
    session.rejudge()
    session.receive(rmc(1), NOW_US)
    assert [fix.terminal for fix in session.end(NOW_US, clean=True).fixes] == ["GHOST-1"]
