"""A new list against the one in force."""

from __future__ import annotations

from itertools import count

import pytest

from services.terminals.changes import Changes, compare
from services.terminals.files import read_terminals
from services.terminals.records import Terminal
from services.terminals.tokens import hash_token, token_fits

OLD_SALT = b"o" * 16
KNOWN = {
    "TRUCK-1": Terminal("TRUCK-1", "vehicle", None, hash_token("secret", OLD_SALT)),
    "SHIP-1": Terminal("SHIP-1", "ship"),
}


def against(known: dict[str, Terminal], csv: bytes, *, replace: bool = False) -> Changes:
    numbers = count(1)
    return compare(
        known,
        read_terminals(csv, "t.csv"),
        lambda: next(numbers).to_bytes(16, "big"),
        replace=replace,
    )


def test_each_new_terminal_gets_a_salt_of_its_own() -> None:
    changes = against({}, b"name,token\nA-1,same\nB-1,same\n")
    first, second = (one.token for one in changes.added)
    assert first is not None
    assert second is not None
    assert first.salt != second.salt
    assert token_fits("same", first)


def test_the_same_file_again_changes_nothing() -> None:
    changes = against(KNOWN, b"name,kind,token\nTRUCK-1,vehicle,secret\nSHIP-1,ship,\n")
    assert (changes.written, changes.removed, changes.unchanged) == ((), [], 2)


@pytest.mark.parametrize(
    ("csv", "fits"),
    [
        (b"name,kind,token\nTRUCK-1,station,secret\n", "secret"),
        (b"name,kind,token\nTRUCK-1,vehicle,other\n", "other"),
        (b"name,kind\nTRUCK-1,station\n", "secret"),
        (b"name,kind,token\nTRUCK-1,vehicle,\n", None),
    ],
    ids=["another kind", "another token", "no word of tokens", "no token any more"],
)
def test_what_a_list_says_is_changed_and_the_rest_stays(csv: bytes, fits: str | None) -> None:
    changes = against(KNOWN, csv)
    assert not changes.added
    assert not changes.removed
    (changed,) = changes.changed
    if fits is None:
        assert changed.token is None
    else:
        assert changed.token is not None
        assert token_fits(fits, changed.token)


def test_only_a_replacement_takes_terminals_off() -> None:
    csv = b"name,kind\nSHIP-1,ship\n"
    assert against(KNOWN, csv).removed == []
    assert against(KNOWN, csv, replace=True).removed == ["TRUCK-1"]
