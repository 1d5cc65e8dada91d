"""Settings that must not be shown, and that may stand in a file of their own."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

DSN_FORM = "postgresql://user@host:port/database"
SCHEMES = ("postgresql", "postgres")
HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:,@/\[\]]*)(:\d{1,5})?")


def readable(path: str) -> str:
    """The path of a file that can be read. Raises ValueError."""
    try:
        with Path(path).open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"the file can't be read: {error.strerror or error}") from error


def read_secret(path: str) -> str:
    """What a file holds, without the line's end that editors add. Raises ValueError."""
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} can't be read: {error}") from error


def dsn_problem(dsn: str) -> str | None:
    """What is wrong with a database's address; None if it can be one.

    The sentence shows none of it: what looks like a port may be half of a password.
    """
    wrong = (
        f"is no address of the form {DSN_FORM} "
        "(special characters in a password are written as %XX)"
    )
    try:
        parts = urlsplit(dsn)
    except ValueError:
        return wrong
    hosts = parts.netloc.rpartition("@")[2].split(",")
    good = parts.scheme in SCHEMES and all(HOST.fullmatch(unquote(host)) for host in hosts)
    return None if good and not parts.fragment and dsn == dsn.strip() else wrong


def check_servers(servers: str) -> str:
    """Kafka's addresses without blanks. Raises ValueError."""
    addresses = [address.strip() for address in servers.split(",")] if servers else []
    for address in addresses:
        match = HOST.fullmatch(address)
        if match is None or not match[1] or not match[2]:
            raise ValueError(f"{address!r} is no host:port")
    return ",".join(addresses)
