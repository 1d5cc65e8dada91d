"""A script that becomes another program: one that ends with its parent and is not root.

Run as ``python -I -S postgres_launcher.py PARENT SIGNAL UID GID REACH PROGRAM ARGUMENT…`` on
Linux. PARENT is the process id that the program must not outlive: it gets SIGNAL when the
parent's thread ends. With a UID above 0 the program runs as that account; with REACH 1 it
keeps the one right to enter directories that belong to others (CAP_DAC_OVERRIDE), because
root's home, where the program or its data may lie, is closed to every other account.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
LINUX_CAPABILITY_VERSION_3 = 0x20080522


def main(arguments: list[str]) -> None:
    """Become the program; on failure exit with a sentence. Never returns."""
    parent, death_signal, uid, gid, reach = (int(argument) for argument in arguments[:5])
    command = arguments[5:]
    try:
        if uid:
            _become(uid, gid, keep_reach=bool(reach))
        # A change of credentials clears the death signal, so it comes after.
        _prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:
            sys.exit("FATAL: the process that wanted it has ended")
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"FATAL: {command[0]} can't be started: {error}")


def _become(uid: int, gid: int, *, keep_reach: bool) -> None:
    if keep_reach:
        # Keeps the capabilities over setresuid, and has access(2) respect them: PostgreSQL
        # asks it whether its own programs can be run.
        _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if keep_reach:
        _set_capabilities(1 << CAP_DAC_OVERRIDE)
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE)


def _set_capabilities(mask: int) -> None:
    """capset(2): effective, permitted and inheritable all become ``mask``."""
    header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    _checked(_libc.capset(ctypes.byref(header), ctypes.byref(sets)))


def _prctl(option: int, *arguments: int) -> None:
    words = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    _checked(_libc.prctl(option, *words))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


_libc = ctypes.CDLL(None, use_errno=True)

if __name__ == "__main__":
    main(sys.argv[1:])
