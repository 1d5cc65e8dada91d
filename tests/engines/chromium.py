"""A browser for tests: Debian's Chromium, driven by Playwright without a browser of its own."""

from __future__ import annotations

import os
import shutil

from tests.engines.found import NotAvailableError

COMMANDS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str:
    """The path of the browser: that of DIPPER_TEST_CHROMIUM, or one that is installed. Raises
    NotAvailableError."""
    candidates = (os.environ.get("DIPPER_TEST_CHROMIUM"), *COMMANDS)
    for candidate in candidates:
        if candidate and (path := shutil.which(candidate)):
            return path
    raise NotAvailableError(
        "Chromium is not installed: run `make engines` as root, or set DIPPER_TEST_CHROMIUM"
    )
