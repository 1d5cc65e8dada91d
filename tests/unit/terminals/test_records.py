"""Terminals on the log, and what of a token is kept."""

from __future__ import annotations

import orjson
import pytest

from services.codec import CodecError
from services.terminals.records import Terminal, decode_terminal, encode_terminal
from services.terminals.tokens import NOBODYS_TOKEN, hash_token, token_fits

SALT = bytes(range(16))
TRUCK = Terminal("TRUCK-1", "vehicle", "heavy", hash_token("secret", SALT))


@pytest.mark.parametrize("terminal", [TRUCK, Terminal("SHIP-1"), Terminal("SHIP-2", "ship", "x")])
def test_a_terminal_comes_back_as_it_was(terminal: Terminal) -> None:
    assert decode_terminal(encode_terminal(terminal)) == terminal


def test_a_record_holds_no_token() -> None:
    assert b"secret" not in encode_terminal(TRUCK)


def test_a_token_fits_its_hash_only() -> None:
    kept = hash_token("secret", SALT)
    assert token_fits("secret", kept)
    assert not token_fits("secreT", kept)
    assert not token_fits("", kept)


def test_one_token_has_another_hash_with_another_salt() -> None:
    assert hash_token("secret", SALT).digest != hash_token("secret", SALT[::-1]).digest


@pytest.mark.parametrize("token", ["", "secret", "\udcff"])
def test_nobodys_token_fits_none(token: str) -> None:
    assert not token_fits(token, NOBODYS_TOKEN)


def changed(**changes: object) -> bytes:
    return orjson.dumps({**orjson.loads(encode_terminal(TRUCK)), **changes})


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"[]",
        b"{}",
        changed(name="x"),
        changed(name=None),
        changed(kind="car"),
        changed(**{"class": 7}),
        changed(token="secret"),
        changed(token={}),
        changed(token={"salt": "00", "blake2b": "00"}),
        changed(token={"salt": SALT.hex(), "blake2b": "zz"}),
        b'{"name":"TRUCK-1","kind":null,"class":null}',
    ],
)
def test_what_is_no_such_record_is_refused_rather_than_read_as_a_terminal_without_token(
    value: bytes | None,
) -> None:
    with pytest.raises(CodecError):
        decode_terminal(value)
