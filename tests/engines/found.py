"""What provisioning needs everywhere: the outcome, the cache, ports and processes."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "dipper-tests"
"""Downloaded engines, outside the clone and shared by all clones of this user."""
SERVER_PORTS = (20_000, 32_768)
DRAW = random.SystemRandom()
"""Not of Python's shared generator, which a test may have seeded."""


class NotAvailableError(Exception):
    """An engine can't be had here; the text says why and what helps."""


@contextmanager
def alone(name: str) -> Iterator[Path]:
    """The cache, with a lock so that two test runs don't fill one place at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield CACHE


def free_ports(count: int) -> list[int]:
    """TCP ports of 127.0.0.1 that nothing listened on a moment ago.

    They lie below those that Linux gives to outgoing connections, so that none of the many that
    tests open takes a port before its server does; the draw keeps test processes that run side by
    side apart.
    """
    ports: set[int] = set()
    while len(ports) < count:
        port = DRAW.randrange(*SERVER_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            ports.add(port)
    return list(ports)


def answers(port: int) -> bool:
    """Whether something listens on the port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run(command: Sequence[str | Path], *, what: str, timeout_s: float = 600.0) -> str:
    """Run a command to its end; raises NotAvailableError with the end of what it said."""
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotAvailableError(f"{what} failed: {error}") from error
    said = done.stdout.decode(errors="replace")
    if done.returncode:
        raise NotAvailableError(f"{what} failed: {said[-600:]}")
    return said


class Process:
    """A server in a process group of its own, with its output in a file.

    Linux ends it when the process that started it dies, however that dies.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        output: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.output = output
        tie = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with output.open("ab") as sink:
            self._popen = subprocess.Popen(
                [*tie, *command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )

    @property
    def pid(self) -> int:
        """Id of the process and of its group."""
        return self._popen.pid

    def wait_until(self, ready: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
        """Wait for ``ready``; raises NotAvailableError if the process ends or time is up."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self._popen.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise NotAvailableError(f"{what} did not start: {self.said()}")
            time.sleep(0.1)

    def is_stopped(self) -> bool:
        """Whether SIGSTOP has reached all its threads (Linux)."""
        states = Path(f"/proc/{self.pid}/task").glob("*/stat")
        return all(state.read_text().rpartition(")")[2].split()[0] == "T" for state in states)

    def said(self) -> str:
        """The end of its output."""
        return self.output.read_text(errors="replace")[-1500:]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, if it is still there."""
        if self._popen.poll() is None:
            os.killpg(self._popen.pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 30.0) -> None:
        """Ask it to stop, wait, and kill it when it takes too long."""
        self.send(signal.SIGCONT)
        self.send(number)
        try:
            self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """kill -9, and wait."""
        self.send(signal.SIGKILL)
        self._popen.wait()
