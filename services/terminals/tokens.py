"""Login tokens as they are kept: a salted hash, never the token (see docs/adr/0011-*)."""

from __future__ import annotations

import hmac
from hashlib import blake2b
from typing import NamedTuple

SALT_BYTES = 16
DIGEST_BYTES = 32
LONGEST_TOKEN = 128
"""Characters."""
SHORT_TOKEN = 16
"""Characters below which somebody may guess a token from its hash."""
RESERVED = frozenset(",*$!\\")
"""Characters that NMEA 0183 keeps for itself."""
_PURPOSE = b"dipper-token-v1"


class TokenHash(NamedTuple):
    """All that is kept of a token."""

    salt: bytes
    """``SALT_BYTES``, random, another for each terminal."""
    digest: bytes
    """BLAKE2b-256 of the token with this salt."""


NOBODYS_TOKEN = TokenHash(bytes(SALT_BYTES), bytes(DIGEST_BYTES))
"""What a token is compared with where there is none: the answer takes as long. No token has this
digest, as nobody can find one."""


def hash_token(token: str, salt: bytes) -> TokenHash:
    """The token as it is kept. ``salt`` is ``SALT_BYTES`` long."""
    digest = blake2b(
        token.encode("utf-8", "surrogateescape"),
        digest_size=DIGEST_BYTES,
        salt=salt,
        person=_PURPOSE,
    )
    return TokenHash(salt, digest.digest())


def token_fits(token: str, kept: TokenHash) -> bool:
    """Whether ``kept`` is this token's; as fast whether it is or not."""
    return hmac.compare_digest(hash_token(token, kept.salt).digest, kept.digest)


def token_problem(token: str) -> str | None:
    """Why a text can't be a token; None if it can."""
    if not token.isascii() or not token.isprintable():
        return "the token holds a character that is not printable ASCII"
    if RESERVED.intersection(token):
        return "the token holds a character that NMEA 0183 reserves (, * $ ! \\)"
    if len(token) > LONGEST_TOKEN:
        return f"the token has more than {LONGEST_TOKEN} characters"
    return None
