"""The image's steps without Docker: what its Dockerfile says, done in root folders by chroot.

A base image becomes a Debian folder made by debootstrap with Debian's own Python of the same
version. Needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from tests.engines.found import CACHE, NotAvailableError, alone, run
from tests.integration.deploy.dockerfile import Instruction, Stage, context, parse

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "python3", "python3-venv", "python3-dev")
"""What stands for the official Python image, whose interpreter comes with its headers."""
STEP_TIMEOUT_S = 900.0
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
FROM_OUTSIDE = ("PIP_CERT", "PIP_DEFAULT_TIMEOUT", "http_proxy", "https_proxy", "no_proxy")
"""How this machine reaches package indexes; a build inside Docker takes the like from Docker."""


class BuildError(Exception):
    """A step of the Dockerfile failed; the text is what it said."""


def base(*more: str) -> Path:
    """A folder like the base image, with further packages, made on the first call.

    Raises NotAvailableError.
    """
    if os.geteuid() != 0:
        raise NotAvailableError("trying the image needs root, for chroot")
    if shutil.which("debootstrap") is None:
        raise NotAvailableError("trying the image needs debootstrap: make engines, as root, once")
    name = "-".join(("python", SUITE, *more))
    root = CACHE / name
    with alone(name):
        if not (root / "provisioned").exists():
            shutil.rmtree(root, ignore_errors=True)
            include = f"--include={','.join((*PACKAGES, *more))}"
            command = ["debootstrap", "--variant=minbase", include, SUITE, str(root)]
            run(command, what="making a Debian folder with Python", timeout_s=1_200.0)
            (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
            shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
            (root / "provisioned").touch()
    return root


def copy_of_base(root: Path, *more: str) -> None:
    """A base of one's own. Raises NotAvailableError."""
    run(["cp", "--archive", "--reflink=auto", base(*more), root], what="copying the base")


def build(project: Path, dockerfile: Path, folder: Path) -> tuple[Path, Stage]:
    """Do all stages under ``folder``: the root folder of the last one, and its Stage.

    Raises BuildError, NotAvailableError, ValueError.
    """
    stages = parse(dockerfile.read_text())
    roots: dict[str, Path] = {}
    root = folder
    folder.mkdir(parents=True, exist_ok=True)
    for number, stage in enumerate(stages):
        root = folder / f"stage-{number}"
        copy_of_base(root)
        _let_it_reach_the_network(root)
        environment: dict[str, str] = {}
        for instruction in stage.instructions:
            if instruction.name == "ENV":
                environment |= dict(word.split("=", 1) for word in instruction.words)
            elif instruction.name == "RUN":
                _run(root, instruction.rest, environment)
            elif instruction.name == "COPY":
                _copy(instruction, project, roots, root)
        roots[stage.name or str(number)] = root
    return root, stages[-1]


def _run(root: Path, command: str, environment: Mapping[str, str]) -> None:
    """A RUN step as root, in the shell, with nothing of this machine's environment but the way
    to the network."""
    began = time.monotonic()
    outside = {name: os.environ[name] for name in FROM_OUTSIDE if name in os.environ}
    done = subprocess.run(
        ["chroot", root, "/bin/sh", "-c", command],
        env={"PATH": PATH, "HOME": "/root", **outside, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=STEP_TIMEOUT_S,
        check=False,
    )
    said = done.stdout.decode(errors="replace")
    if done.returncode:
        raise BuildError(f"RUN {command}\n{said[-2_000:]}")
    print(f"{time.monotonic() - began:6.1f} s  RUN {command[:100]}", flush=True)


def _copy(instruction: Instruction, project: Path, roots: Mapping[str, Path], root: Path) -> None:
    *sources, target = instruction.words
    origin = instruction.options.get("from")
    for source in sources:
        if origin is not None:
            place = root / target.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            run(["cp", "--archive", roots[origin] / source.lstrip("/"), place], what="COPY")
            continue
        chosen = [path for path in context(project) if _is_under(path, PurePosixPath(source))]
        if not chosen:
            raise BuildError(f"COPY {source}: .dockerignore leaves nothing of it")
        for path in chosen:
            inner = path.relative_to(source) if path != PurePosixPath(source) else None
            place = root / target.lstrip("/") / (inner or "")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / path, place)
    print(f"          COPY {instruction.rest}", flush=True)


def _is_under(path: PurePosixPath, folder: PurePosixPath) -> bool:
    return path.is_relative_to(folder)


def _let_it_reach_the_network(root: Path) -> None:
    """Names and certificates, as Docker lends them."""
    for path in ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt"):
        if Path(path).exists():
            shutil.copy(path, root / path.lstrip("/"))


def command_in(root: Path, stage: Stage, words: Sequence[str]) -> list[str]:
    """How to run ``words`` as the container would be run by compose.yaml and the manifests: the
    stage's user and working directory, a root folder that can't be written, no capability, and
    no way to gain one. The process is the started one itself, so that signals reach it."""
    user, _, group = stage.last("USER").rest.partition(":")
    inside = [
        "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs",
        "--bounding-set=-all", "--inh-caps=-all", "--pdeathsig=KILL",
    ]  # fmt: skip
    # PATH is the container's already, which need not have this machine's tools.
    tools = {name: shutil.which(name) or name for name in ("unshare", "mount", "chroot")}
    script = (
        '{mount} --bind "$0" "$0" && {mount} -o remount,bind,ro "$0" && exec {chroot} "$0" "$@"'
    ).format(**tools)
    shell = ["/bin/sh", "-c", script, str(root)]
    return [tools["unshare"], "--mount", "--", *shell, *inside, "--", *words]


def environment_in(stage: Stage, settings: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a container: the image's, then what it is started with."""
    return {"PATH": PATH, "HOME": "/nonexistent", **stage.environment(), **settings}
