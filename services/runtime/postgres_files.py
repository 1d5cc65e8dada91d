"""Where an embedded PostgreSQL keeps its files, who owns them, and what they tell.

Layout below the data directory::

    lock          held by the process that runs the server
    cluster/      PostgreSQL's own data directory
    socket/       the Unix socket, for its owner only (elsewhere where the path is too long)
    server.log    what the server says about itself
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import IO, NamedTuple

from services.runtime.database import DatabaseError

SOCKET_PORT = 5432
"""Names the socket file; nothing listens on a network port."""
LONGEST_SOCKET_DIRECTORY = 107 - len(f"/.s.PGSQL.{SOCKET_PORT}.lock")
"""sun_path of unix(7) holds 107 bytes and a NUL."""
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+-]+")
"""Paths that need no quoting in a list of directories, nor in a connection string."""
LARGEST_LOG = 1 << 20
GRAVE = re.compile(r"\b(?:FATAL|PANIC|ERROR|error): ")


class Account(NamedTuple):
    """Who runs the server. ``uid`` 0 stands for the account that runs Dipper."""

    uid: int
    gid: int
    reach: bool
    """The account needs the right to enter directories that are closed to it."""


class Postmaster(NamedTuple):
    """What postmaster.pid says."""

    pid: int
    socket_directory: Path
    ready: bool


def choose_account(cluster: Path, needed: Iterable[Path]) -> Account:
    """PostgreSQL refuses to run as root: then the cluster's owner, else postgres or nobody.

    ``needed`` are the paths that the account has to reach. Raises DatabaseError.
    """
    if os.geteuid() != 0:
        if cluster.exists() and cluster.stat().st_uid != os.geteuid():
            raise DatabaseError(
                f"{cluster} belongs to user {cluster.stat().st_uid}, and this is user "
                f"{os.geteuid()}: give another data directory"
            )
        return Account(0, 0, False)
    entry = _entry(cluster)
    paths = [cluster.parent, *needed]
    closed = not all(_reachable(path, entry.pw_uid, entry.pw_gid) for path in paths)
    return Account(entry.pw_uid, entry.pw_gid, closed)


def _entry(cluster: Path) -> pwd.struct_passwd:
    try:
        if cluster.exists() and cluster.stat().st_uid != 0:
            return pwd.getpwuid(cluster.stat().st_uid)
        names = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
        return names["postgres"] if "postgres" in names else names["nobody"]
    except KeyError:
        raise DatabaseError(
            "PostgreSQL refuses to run as root and there is no account postgres or nobody: "
            "run Dipper as an ordinary user"
        ) from None


def _reachable(path: Path, uid: int, gid: int) -> bool:
    for part in (path, *path.parents):
        status = part.stat()
        shift = 6 if status.st_uid == uid else 3 if status.st_gid == gid else 0
        if not stat.S_IMODE(status.st_mode) >> shift & stat.S_IXOTH:
            return False
    return True


def make_private(path: Path, account: Account) -> None:
    """Create a directory that only the account may enter; one that exists is left as it is."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        # Not chown: the name could be a link that somebody put there.
        return
    if account.uid:
        os.chown(path, account.uid, account.gid)


def lock(data_dir: Path) -> IO[str]:
    """The open lock file of a data directory; closing it gives the lock back.

    The kernel frees it when the process dies. Raises DatabaseError when another has it.
    """
    handle = (data_dir / "lock").open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.seek(0)
        holder = handle.read().strip()
        handle.close()
        raise DatabaseError(
            f"{data_dir} is in use by another Dipper (process {holder}): stop it, or give "
            "another data directory"
        ) from None
    handle.truncate(0)
    handle.write(f"{os.getpid()}\n")
    handle.flush()
    return handle


def socket_directory(data_dir: Path, account: Account) -> Path:
    """A private directory for the socket: in the data directory, or in /tmp if that is too long.

    Raises DatabaseError if somebody else has made the one in /tmp.
    """
    inside = data_dir / "socket"
    if PLAIN_PATH.fullmatch(str(inside)) and len(str(inside)) <= LONGEST_SOCKET_DIRECTORY:
        make_private(inside, account)
        return inside
    name = hashlib.blake2b(os.fsencode(data_dir), digest_size=8).hexdigest()
    outside = Path("/tmp") / f"dipper-{os.geteuid()}-{name}"
    make_private(outside, account)
    status = outside.lstat()
    owner = account.uid or os.geteuid()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or status.st_mode & 0o077:
        raise DatabaseError(f"{outside} exists and is not only ours: remove it")
    return outside


def read_postmaster(cluster: Path) -> Postmaster | None:
    """What a running server says of itself; None if none runs (a stale file counts as none)."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
        # A process id is reused after a reboot, above all in containers; the directory is not.
        if Path(f"/proc/{pid}/cwd").readlink() != cluster.resolve():
            return None
    except (OSError, ValueError, IndexError):
        return None
    directory = lines[4].strip() if len(lines) > 4 else ""
    return Postmaster(pid, Path(directory), len(lines) > 7 and lines[7].strip() == "ready")


def open_log(data_dir: Path) -> IO[bytes]:
    """server.log to append to; begun anew once it is over 1 MB."""
    path = data_dir / "server.log"
    large = path.exists() and path.stat().st_size > LARGEST_LOG
    return path.open("wb" if large else "ab")


def complaints(log: Path, start: int) -> list[str]:
    """The errors that the server logged behind byte ``start``, each as it put it."""
    with log.open("rb") as handle:
        handle.seek(start)
        lines = handle.read(2 * LARGEST_LOG).decode(errors="replace").splitlines()
    grave = [GRAVE.split(line, maxsplit=1)[1].strip() for line in lines if GRAVE.search(line)]
    return grave or lines[-1:] or ["it said nothing"]
