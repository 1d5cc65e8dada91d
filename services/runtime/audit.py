"""The audit log: who came in or was turned away, and who changed what. JSON, one record a line.

A record holds ``time`` (RFC 3339, UTC), ``action``, ``outcome``, ``who`` (a terminal, or a user of
the machine), ``address`` where there is one, and what else the action says. Everything that comes
from outside is escaped to ASCII and cut.
"""

from __future__ import annotations

import json
import logging
import os
import pwd
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from services.runtime.errors import StartError

LOGGER = "dipper.audit"
STANDARD_ERROR = "stderr"
LONGEST_TEXT = 128
PER_SECOND = 50.0
BURST = 1_000
"""Records of one action and outcome: enough for a fleet that comes back at once. Beyond, so many a
second are written and the others counted."""
MOST_KINDS = 100

Detail = str | int | bool | None


class AuditFileError(StartError):
    """The audit log can't be written; the text says why and what helps."""


class _FileHandler(logging.Handler):
    """Appends whole lines, unbuffered, so that what a full disk refuses is not piled up. Opens the
    file again when it was renamed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._descriptor = self._open()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._was_renamed():
                old, self._descriptor = self._descriptor, self._open()
                os.close(old)
            os.write(self._descriptor, self.format(record).encode("ascii") + b"\n")
        except OSError as error:
            logging.getLogger(__name__).error("audit records are lost: %s", error)

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._descriptor)
        super().close()

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _was_renamed(self) -> bool:
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._descriptor))
        except FileNotFoundError:
            return True


def configure(place: str) -> None:
    """Write audit records to ``stderr`` or to a file, which is made for its owner alone.

    The file may be rotated by renaming it. Raises AuditFileError.
    """
    handler: logging.Handler
    if place == STANDARD_ERROR:
        handler = logging.StreamHandler(sys.stderr)
    else:
        try:
            handler = _FileHandler(Path(place).absolute())
        except OSError as error:
            raise AuditFileError(
                f"DIPPER_AUDIT_LOG={place!r}: the file can't be written: "
                f"{error.strerror or error}. Choose another, or {STANDARD_ERROR}."
            ) from error
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger(LOGGER)
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class _Budget:
    """A token bucket, and how many records it held back."""

    __slots__ = ("at", "left", "suppressed")

    def __init__(self, at: float, left: float) -> None:
        self.at, self.left, self.suppressed = at, left, 0


class Audit:
    """Writes records to the logger ``dipper.audit``.

    A flood of one action and outcome neither fills the disk nor hides the others: each has
    ``burst`` records at once and ``per_second`` from then on. A record says how many were held
    back.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        per_second: float = PER_SECOND,
        burst: int = BURST,
    ) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._budgets: dict[tuple[str, str], _Budget] = {}
        self._logger = logging.getLogger(LOGGER)

    def record(
        self, action: str, outcome: str, *, who: str, address: str | None = None, **details: Detail
    ) -> None:
        """Write one record; details that are None are left out."""
        now = self._clock()
        kind = (action, outcome)
        budget = self._budgets.get(kind)
        if budget is None:
            if len(self._budgets) >= MOST_KINDS:
                self.flush()
                self._budgets.clear()
            budget = self._budgets[kind] = _Budget(now, self._burst)
        # A clock that was set back gives nothing.
        earned = max(0.0, now - budget.at) * self._per_second
        budget.at, budget.left = now, min(self._burst, budget.left + earned)
        if budget.left < 1:
            budget.suppressed += 1
            return
        budget.left -= 1
        self._write_suppressed(kind, budget)
        self._write(action, outcome, {"who": who, "address": address, **details})

    def flush(self) -> None:
        """Write how many records were held back and not told so far: at the end, and at times."""
        for kind, budget in self._budgets.items():
            self._write_suppressed(kind, budget)

    def _write_suppressed(self, kind: tuple[str, str], budget: _Budget) -> None:
        if budget.suppressed:
            self._write(*kind, {"suppressed": budget.suppressed})
            budget.suppressed = 0

    def _write(self, action: str, outcome: str, details: dict[str, Detail]) -> None:
        moment = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        shown = {
            name: value[:LONGEST_TEXT] if isinstance(value, str) else value
            for name, value in details.items()
            if value is not None
        }
        # The standard library's, since it writes pure ASCII.
        said = {"time": moment.replace("+00:00", "Z"), "action": action, "outcome": outcome}
        self._logger.info("%s", json.dumps(said | shown, separators=(",", ":")))


def change(action: str, outcome: str, **details: Detail) -> None:
    """Write down an administrative change by the user of this process."""
    Audit().record(action, outcome, who=user(), address=socket.gethostname(), **details)


def record_change(action: str, outcome: str, place: str, **details: Detail) -> None:
    """``change`` of a command, to ``place`` (see ``configure``). Raises AuditFileError."""
    configure(place)
    change(action, outcome, **details)


def user() -> str:
    """Who runs this process, as the system and not the environment has it; with sudo both."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = f"uid {number}"
    behind = os.environ.get("SUDO_USER") if number == 0 else None
    return f"{name} for {behind}" if behind else name
