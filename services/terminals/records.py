"""Terminals as records of ``telematics.terminal.v1``, whose key is the terminal's name."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from services.codec import CodecError, load_object
from services.terminals.names import is_terminal_name
from services.terminals.tokens import DIGEST_BYTES, SALT_BYTES, TokenHash

KINDS = ("vehicle", "ship", "station")


class Terminal(NamedTuple):
    """A terminal on the list."""

    name: str
    kind: str | None = None
    """One of ``KINDS``."""
    terminal_class: str | None = None
    """The operator's own word for what it is: heavy, tanker …"""
    token: TokenHash | None = None
    """None: it need not prove who it is."""


def encode_terminal(terminal: Terminal) -> bytes:
    """A terminal as JSON bytes (see ``schemas/terminal.v1.schema.json``)."""
    token = terminal.token
    return orjson.dumps(
        {
            "name": terminal.name,
            "kind": terminal.kind,
            "class": terminal.terminal_class,
            "token": None
            if token is None
            else {"blake2b": token.digest.hex(), "salt": token.salt.hex()},
        }
    )


def decode_terminal(value: bytes | None) -> Terminal:
    """The terminal of such a record. Raises CodecError, for a tombstone too."""
    fields = load_object(value)
    name, kind, terminal_class = (fields.get(key) for key in ("name", "kind", "class"))
    if not isinstance(name, str) or not is_terminal_name(name):
        raise CodecError("not a terminal: the name is none")
    if kind is not None and kind not in KINDS:
        raise CodecError("not a terminal: the kind is none of " + ", ".join(KINDS))
    if terminal_class is not None and not isinstance(terminal_class, str):
        raise CodecError("not a terminal: the class is no text")
    # A record whose token can't be read must not become one that needs none.
    if "token" not in fields:
        raise CodecError("not a terminal: token is missing")
    return Terminal(name, kind, terminal_class, _token(fields["token"]))


def _token(value: Any) -> TokenHash | None:
    if value is None:
        return None
    try:
        token = TokenHash(bytes.fromhex(value["salt"]), bytes.fromhex(value["blake2b"]))
    except (TypeError, KeyError, ValueError) as error:
        raise CodecError("not a terminal: the token is no salt and hash") from error
    if (len(token.salt), len(token.digest)) != (SALT_BYTES, DIGEST_BYTES):
        raise CodecError("not a terminal: the token's salt or hash has another length")
    return token
