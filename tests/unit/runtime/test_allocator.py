"""Memory that is freed stays with the process: taking it again costs no page faults."""

from __future__ import annotations

import subprocess
import sys

import pytest

BATCH_BYTES, TIMES, PAGE_BYTES = 4 << 20, 50, 4096

FAULTS = f"""
import resource, sys
from services.runtime.allocator import keep_freed_memory
if sys.argv[1] == "kept" and not keep_freed_memory():
    sys.exit(3)
bytearray({BATCH_BYTES})
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({TIMES}):
    bytes(bytearray({BATCH_BYTES}))
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_memory_that_was_freed_is_taken_again_without_page_faults() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, "kept"], capture_output=True, text=True, check=False
    )
    if done.returncode == 3:
        pytest.skip("this C library has no mallopt")
    assert done.returncode == 0, done.stderr
    # Once for all, and not at every turn.
    assert int(done.stdout) < 5 * BATCH_BYTES / PAGE_BYTES
