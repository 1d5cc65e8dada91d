"""How much memory the C library's allocator keeps for the process between two peaks of its need."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
"""Numbers of mallopt(3)."""
KEPT_BYTES = 64 << 20
GROWTH_BYTES = 1 << 20
MAPPED_BYTES = 32 << 20
"""The most that glibc allows."""


def keep_freed_memory() -> bool:
    """Give memory back to the kernel only beyond 64 MiB, and take it in steps of 1 MiB.

    Batches of the log come and go many times a second. By default each takes fresh pages, which the
    kernel clears and maps one by one: seven thousand a second at 20,000 fixes/s, and a twentieth of
    the processor's time. False where the C library has no mallopt(3); then nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(
        [
            mallopt(_TRIM_THRESHOLD, KEPT_BYTES),
            mallopt(_TOP_PAD, GROWTH_BYTES),
            mallopt(_MMAP_THRESHOLD, MAPPED_BYTES),
        ]
    )
