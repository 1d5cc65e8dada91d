"""A machine that runs systemd, in namespaces and a folder of its own; the network is shared."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.engines.found import NotAvailableError, run

START_S = 60.0
COMMAND_S = 120.0
PATH = "/opt/dipper/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BOOT = """
set -e
mount -t cgroup2 none "$2"
mkdir "$2/$3"
echo $$ > "$2/$3/cgroup.procs"
exec unshare --mount --pid --fork --uts --ipc --cgroup --kill-child /bin/sh -c '
set -e
mount --bind "$0" "$0"
cd "$0"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
    touch dev/$node
    mount --bind /dev/$node dev/$node
done
mkdir dev/shm dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mkdir -p old
pivot_root . old
umount -l /old
mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
' "$1"
"""
SWEEP = """
set -e
mount -t cgroup2 none "$1"
cd "$1"
! test -d "$2" || find "$2" -depth -type d -exec rmdir {} +
"""


class Machine:
    """``root`` is a Debian folder with systemd. A context manager; nothing of it outlives it.

    Entering raises NotAvailableError where namespaces or control groups can't be had.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self._folder = folder
        self._name = f"dipper-{uuid.uuid4().hex[:8]}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        groups = self._folder / "cgroup"
        groups.mkdir()
        log = self._folder / "boot.log"
        shell = ["unshare", "--mount", "/bin/sh", "-c", BOOT, "boot"]
        with log.open("wb") as sink:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *shell, self.root, groups, self._name],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise NotAvailableError(f"systemd did not start: {log.read_text()[-600:]}")
            time.sleep(0.2)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        groups = self._folder / "cgroup"
        shell = ["unshare", "--mount", "/bin/sh", "-c", SWEEP, "sweep"]
        sweep = [*shell, str(groups), self._name]
        deadline = time.monotonic() + START_S
        # Its processes are gone a moment after the first of them.
        while subprocess.run(sweep, capture_output=True, check=False).returncode:
            if time.monotonic() > deadline:
                raise NotAvailableError(f"a control group was left behind: {self._name}")
            time.sleep(0.2)

    def do(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the machine, as its root."""
        return subprocess.run(
            ["nsenter", "--target", str(self._init()), "--mount", "--pid", "--uts", "--ipc",
             "--cgroup", "--root", "--wd=/", "env", "-i", f"PATH={PATH}", *words],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_S,
            check=False,
        )  # fmt: skip

    def must(self, *words: str) -> str:
        """What a command says; AssertionError with what went wrong if it fails."""
        done = self.do(*words)
        assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr} {self.journal()}"
        return done.stdout.strip()

    def show(self, unit: str, name: str) -> str:
        """A property of a unit, such as MainPID."""
        return self.must("systemctl", "show", "--property", name, "--value", unit)

    def journal(self) -> str:
        """The end of what units logged."""
        return self.do("journalctl", "--no-pager", "--lines=30").stdout

    def _init(self) -> int:
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0])

    def _is_up(self) -> bool:
        try:
            said = self.do("systemctl", "is-system-running").stdout.strip()
        except (OSError, IndexError):
            return False
        return said in ("running", "degraded")


def install(root: Path, program: Path, units: Path) -> None:
    """What deploy/README.md says, except that Dipper is copied from where it is installed."""
    run(["cp", "--archive", program, root / "opt/dipper"], what="installing Dipper")
    for file in units.glob("*.service"):
        shutil.copy(file, root / "etc/systemd/system" / file.name)
    (root / "etc/dipper").mkdir()


def write_secret(file: Path, content: str) -> None:
    """A file for root alone."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as sink:
        sink.write(content)
