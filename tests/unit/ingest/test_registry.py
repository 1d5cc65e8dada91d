"""The list of terminals as a judge."""

from __future__ import annotations

import pytest

from services.ingest.identity import ACCEPTED, AUTHENTICATED, Verdict
from services.ingest.registry import Registry, UnknownTerminals
from services.nmea.reasons import LOGIN_REFUSED, UNKNOWN_TERMINAL
from services.terminals.records import Terminal
from services.terminals.tokens import hash_token, token_fits

LIST = [
    Terminal("TRUCK-1", "vehicle", "heavy", hash_token("secret", b"s" * 16)),
    Terminal("SHIP-7", "ship", None, None),
]


def registry(unknown: UnknownTerminals = "quarantine") -> Registry:
    made = Registry(unknown)
    made.replace(LIST)
    return made


@pytest.mark.parametrize(
    ("terminal", "token", "verdict"),
    [
        ("TRUCK-1", "secret", AUTHENTICATED),
        ("SHIP-7", "anything", ACCEPTED),
        ("SHIP-7", "", ACCEPTED),
    ],
)
def test_a_right_token_proves_and_one_that_nobody_asked_for_proves_nothing(
    terminal: str, token: str, verdict: Verdict
) -> None:
    assert registry().login(terminal, token) == verdict


@pytest.mark.parametrize("unknown", ["quarantine", "reject"])
@pytest.mark.parametrize("token", ["secreT", ""])
def test_an_unknown_terminal_and_a_wrong_token_get_the_same_answer(
    unknown: UnknownTerminals, token: str
) -> None:
    judge = registry(unknown)
    wrong, stranger = judge.login("TRUCK-1", token), judge.login("SHIP-8", token)
    assert not wrong.accepted
    assert (wrong.accepted, wrong.reply, wrong.close) == (
        stranger.accepted,
        stranger.reply,
        stranger.close,
    )
    assert (wrong.reject, stranger.reject) == (LOGIN_REFUSED, UNKNOWN_TERMINAL)


def test_every_login_costs_one_comparison_whoever_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def counting(token: str, kept: object) -> bool:
        compared.append(token)
        return token_fits(token, kept)  # type: ignore[arg-type]

    monkeypatch.setattr("services.ingest.registry.token_fits", counting)
    judge = registry()
    for terminal in ("TRUCK-1", "SHIP-7", "GHOST-1"):
        judge.login(terminal, "secret")
    assert len(compared) == 3


@pytest.mark.parametrize(
    ("unknown", "accepted", "close"),
    [("accept", True, False), ("quarantine", False, False), ("reject", False, True)],
)
def test_what_becomes_of_unknown_terminals_is_a_setting(
    unknown: UnknownTerminals, accepted: bool, close: bool
) -> None:
    judge = registry(unknown)
    assert judge.claim("GHOST-1").accepted is accepted
    assert judge.claim("GHOST-1").close is close
    assert judge.login("GHOST-1", "").accepted is accepted
    assert judge.certificate("GHOST-1").accepted is accepted


@pytest.mark.parametrize("unknown", ["accept", "quarantine", "reject"])
def test_a_terminal_with_a_token_may_not_just_say_who_it_is(unknown: UnknownTerminals) -> None:
    judge = registry(unknown)
    assert not judge.claim("TRUCK-1").accepted
    assert judge.claim("SHIP-7") == ACCEPTED


def test_a_certificate_is_worth_a_token() -> None:
    assert registry().certificate("TRUCK-1") == AUTHENTICATED


@pytest.mark.parametrize(
    ("unknown", "accepted"), [("accept", True), ("quarantine", True), ("reject", False)]
)
def test_before_there_is_any_list_everybody_is_known_unless_strangers_are_rejected(
    unknown: UnknownTerminals, accepted: bool
) -> None:
    assert Registry(unknown).login("TRUCK-1", "").accepted is accepted
    assert Registry(unknown).claim("TRUCK-1").accepted is accepted


def test_an_empty_list_is_a_list() -> None:
    judge = Registry()
    judge.replace([])
    assert not judge.login("TRUCK-1", "secret").accepted


def test_a_new_list_replaces_the_old_one() -> None:
    judge = registry()
    judge.replace([Terminal("TRUCK-2")])
    assert not judge.login("TRUCK-1", "secret").accepted
    assert judge.claim("TRUCK-2").accepted
    assert len(judge) == 1


def test_the_key_of_a_terminal_changes_with_its_token() -> None:
    judge = registry()
    before = judge.key("TRUCK-1")
    judge.replace([LIST[0]._replace(kind="station")])
    assert judge.key("TRUCK-1") == before
    judge.replace([LIST[0]._replace(token=hash_token("other", b"s" * 16))])
    assert judge.key("TRUCK-1") != before
