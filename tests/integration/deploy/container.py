"""A container without Docker: the image's root folder, its user and its environment."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.deploy.dockerfile import Instruction, Stage
from tests.integration.deploy.root_folder import command_in, environment_in

START_S = 60.0
RUN_S = 120.0


@dataclass(slots=True)
class Image:
    """What a build left, to be run as the service in compose.yaml is."""

    root: Path
    stage: Stage
    output: Path
    """A directory for what containers say."""

    def run(
        self, words: Sequence[str], settings: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """``docker run IMAGE words``, to its end."""
        return self._do([*self.stage.last("ENTRYPOINT").exec_form, *words], settings)

    def health(
        self, settings: Mapping[str, str], path: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """What the HEALTHCHECK says of a container with these settings; of another path of its
        HTTP port if one is given."""
        check = self.stage.last("HEALTHCHECK").rest
        words = Instruction("CMD", check.partition("CMD ")[2]).exec_form
        return self._do(words if path is None else [*words[:-1], path], settings)

    def start(self, name: str, words: Sequence[str], settings: Mapping[str, str]) -> Container:
        """``docker run --detach IMAGE words``."""
        log = self.output / f"{name}.log"
        command = command_in(
            self.root, self.stage, [*self.stage.last("ENTRYPOINT").exec_form, *words]
        )
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command,
                env=environment_in(self.stage, settings),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        return Container(name, self, dict(settings), process, log)

    def _do(
        self, words: Sequence[str], settings: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command_in(self.root, self.stage, words),
            env=environment_in(self.stage, settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
        )


@dataclass(slots=True)
class Container:
    """One service that runs."""

    name: str
    image: Image
    settings: dict[str, str]
    process: subprocess.Popen[bytes]
    log: Path
    stopped_in_s: float | None = field(default=None)

    def wait_until_ready(self) -> None:
        """Ask the image's own healthcheck for /readyz until it is content."""
        deadline = time.monotonic() + START_S
        while (asked := self.image.health(self.settings, "/readyz")).returncode:
            ended = self.process.poll()
            assert ended is None, f"{self.name} ended with {ended}: {self.said()}"
            assert time.monotonic() < deadline, f"{self.name}: {asked.stderr} {self.said()}"

    def status(self) -> dict[str, str]:
        """What the kernel says of the process: /proc/PID/status."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

    def may_write(self) -> list[str]:
        """File systems that the process sees as writable, without those of the kernel."""
        mounts = Path(f"/proc/{self.process.pid}/mountinfo").read_text().splitlines()
        root = os.readlink(f"/proc/{self.process.pid}/root")
        return [line for line in mounts if line.split()[4] == root and " ro," not in line]

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-1_500:]

    def stop(self, grace_s: float) -> int:
        """``docker stop``: the exit code. Raises AssertionError if it had to be killed."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop in {grace_s} s") from None
        self.stopped_in_s = time.monotonic() - began
        return code

    def kill(self) -> None:
        """kill -9, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
