"""``python -m tests.faults.patched …``: the ``dipper`` command with test-only patches applied.

DIPPER_TEST_PATCHES names them, separated by semicolons, each with an argument behind ``=`` if
it takes one. No service knows of them.
"""

from __future__ import annotations

import os

from tests.faults import planted, points
from tests.faults.patching import PATCHES


def apply(specification: str) -> None:
    """Apply patches as the variable gives them. Raises KeyError for one that is unknown."""
    for patch in filter(None, specification.split(";")):
        name, _, argument = patch.partition("=")
        PATCHES[name](argument)


if __name__ == "__main__":
    assert points
    assert planted
    apply(os.environ.get("DIPPER_TEST_PATCHES", ""))
    from services.cli import main

    main()
