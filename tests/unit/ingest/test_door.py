"""Who may come in, who has to go for it, and what is written down of both."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from services.ingest.door import Door, KnownVisitor
from services.ingest.identity import Trust
from services.ingest.metrics import IngestMetrics
from services.ingest.registry import Registry
from services.ingest.throttle import Throttle
from services.runtime.audit import LOGGER, Audit
from services.terminals.records import Terminal
from services.terminals.tokens import hash_token

NOW_US = 1_750_161_600_000_000
TRUCK = Terminal("TRUCK-1", "vehicle", None, hash_token("secret", b"s" * 16))
RIGHT, WRONG = ("TRUCK-1", "secret"), ("TRUCK-1", "guess")


class FakeGuest:
    """Remembers whether it had to go."""

    def __init__(self) -> None:
        self.displaced = False

    def displace(self) -> None:
        self.displaced = True


class Bench:
    """A door with a list of two terminals, one of which has a token."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.registry.replace([TRUCK, Terminal("OPEN-1")])
        self.samples = CollectorRegistry()
        metrics = IngestMetrics(self.samples)
        self.door = Door(self.registry, Throttle(3), metrics, Audit())

    def arrive(self, address: str = "192.0.2.1") -> tuple[FakeGuest, KnownVisitor]:
        guest = FakeGuest()
        return guest, self.door.visitor(guest, address)

    def count(self, name: str, **labels: str) -> float:
        return self.samples.get_sample_value(name, labels) or 0.0


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def written() -> Iterator[list[dict[str, object]]]:
    """The audit records."""
    found: list[dict[str, object]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(json.loads(record.getMessage()))

    logger, handler = logging.getLogger(LOGGER), Keep()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield found
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_the_newest_connection_that_proves_itself_has_the_terminal(bench: Bench) -> None:
    (old, first), (new, second) = bench.arrive(), bench.arrive("192.0.2.2")
    assert first.login(RIGHT, NOW_US).authenticated
    assert second.login(RIGHT, NOW_US).authenticated
    assert (old.displaced, new.displaced) == (True, False)
    assert bench.count("dipper_connections_displaced_total") == 1
    first.leave()
    assert not second.outranked("TRUCK-1")
    assert bench.arrive()[1].outranked("TRUCK-1")


def test_a_certificate_displaces_a_login(bench: Bench) -> None:
    (old, first), (_, second) = bench.arrive(), bench.arrive()
    first.login(RIGHT, NOW_US)
    assert second.claim("TRUCK-1", Trust.CERTIFICATE).authenticated
    assert old.displaced


@pytest.mark.parametrize("arguments", [WRONG, ("TRUCK-1",), ("TRUCK-1", "")])
def test_who_proves_nothing_displaces_nobody(bench: Bench, arguments: tuple[str, ...]) -> None:
    (owner, first), (_, thief) = bench.arrive(), bench.arrive()
    first.login(RIGHT, NOW_US)
    assert not thief.login(arguments, NOW_US).accepted
    assert not thief.claim("TRUCK-1", Trust.IDENTIFICATION).accepted
    assert not thief.claim("TRUCK-1", Trust.TAG).accepted
    assert not owner.displaced


def test_a_name_without_token_is_taken_too_while_its_certificate_is_here(bench: Bench) -> None:
    (owner, first), (_, thief) = bench.arrive(), bench.arrive()
    assert first.claim("OPEN-1", Trust.CERTIFICATE).authenticated
    assert not thief.login(("OPEN-1",), NOW_US).accepted
    assert not thief.claim("OPEN-1", Trust.IDENTIFICATION).accepted
    assert not owner.displaced
    first.leave()
    assert thief.login(("OPEN-1",), NOW_US).accepted


def test_two_that_prove_nothing_leave_each_other_alone(bench: Bench) -> None:
    (old, first), (_, second) = bench.arrive(), bench.arrive()
    assert first.login(("OPEN-1",), NOW_US).accepted
    assert second.login(("OPEN-1",), NOW_US).accepted
    assert not old.displaced


def test_the_same_connection_may_log_in_again(bench: Bench) -> None:
    guest, visitor = bench.arrive()
    visitor.login(RIGHT, NOW_US)
    visitor.login(RIGHT, NOW_US)
    assert not guest.displaced
    assert bench.count("dipper_connections_displaced_total") == 0


def test_a_connection_that_becomes_another_terminal_lets_the_first_go(bench: Bench) -> None:
    bench.registry.replace([TRUCK, TRUCK._replace(name="TRUCK-2")])
    _, visitor = bench.arrive()
    visitor.login(RIGHT, NOW_US)
    visitor.login(("TRUCK-2", "secret"), NOW_US)
    assert set(bench.door.owners) == {"TRUCK-2"}
    visitor.leave()
    assert bench.door.owners == {}


def test_wrong_tokens_are_throttled_by_address_and_the_answer_says_so(bench: Bench) -> None:
    for _ in range(3):
        assert bench.arrive()[1].login(WRONG, NOW_US).reply == "refused"
    assert bench.arrive()[1].login(RIGHT, NOW_US).reply == "throttled"
    assert bench.arrive("192.0.2.2")[1].login(RIGHT, NOW_US).accepted
    assert bench.arrive()[1].login(RIGHT, NOW_US + 60_000_000).accepted
    assert bench.count("dipper_logins_total", way="login", outcome="throttled") == 1


def test_a_throttled_login_is_not_even_looked_at(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        bench.arrive()[1].login(WRONG, NOW_US)
    monkeypatch.setattr(bench.registry, "login", None)
    assert bench.arrive()[1].login(RIGHT, NOW_US).reply == "throttled"


def test_a_changed_token_ends_what_the_old_one_has_opened(bench: Bench) -> None:
    _, visitor = bench.arrive()
    visitor.login(RIGHT, NOW_US)
    assert visitor.still_holds("TRUCK-1", Trust.LOGIN)
    bench.registry.replace([TRUCK._replace(token=hash_token("other", b"s" * 16))])
    assert not visitor.still_holds("TRUCK-1", Trust.LOGIN)


def test_a_certificate_holds_until_its_terminal_is_taken_off_the_list(bench: Bench) -> None:
    _, visitor = bench.arrive()
    visitor.claim("TRUCK-1", Trust.CERTIFICATE)
    bench.registry.replace([TRUCK._replace(token=None)])
    assert visitor.still_holds("TRUCK-1", Trust.CERTIFICATE)
    bench.registry.replace([])
    assert not visitor.still_holds("TRUCK-1", Trust.CERTIFICATE)


def test_every_login_is_written_down_with_its_outcome_and_without_the_token(
    bench: Bench, written: list[dict[str, object]]
) -> None:
    bench.arrive()[1].login(WRONG, NOW_US)
    bench.arrive()[1].login(("GHOST-1", "secret"), NOW_US)
    bench.arrive()[1].login(RIGHT, NOW_US)
    bench.arrive("2001:db8::1")[1].claim("TRUCK-1", Trust.CERTIFICATE)
    shown = [
        tuple(record.get(key) for key in ("action", "outcome", "who", "address", "reason"))
        for record in written
    ]
    assert shown == [
        ("login", "refused", "TRUCK-1", "192.0.2.1", "login_refused"),
        ("login", "refused", "GHOST-1", "192.0.2.1", "unknown_terminal"),
        ("login", "accepted", "TRUCK-1", "192.0.2.1", None),
        ("displace", "done", "TRUCK-1", "2001:db8::1", None),
        ("certificate", "accepted", "TRUCK-1", "2001:db8::1", None),
    ]
    assert "secret" not in str(written)
    assert "guess" not in str(written)
