"""Dockerfiles as data: the stages, their instructions, and what .dockerignore leaves of a folder.

As much of the format as Dipper's own file uses; anything else is refused, so that the file can't
grow beyond what is tried. Source: Docker's Dockerfile reference.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

KNOWN = {
    "FROM", "RUN", "COPY", "ENV", "USER", "WORKDIR", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
    "ENTRYPOINT", "CMD",
}  # fmt: skip


class Instruction(NamedTuple):
    """One instruction: ``RUN``, ``COPY`` … and the rest of its line, continuations joined."""

    name: str
    rest: str

    @property
    def exec_form(self) -> list[str]:
        """The words of a JSON array. Raises ValueError for the shell form."""
        words = json.loads(self.rest)
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError(f"{self.name} is no array of strings: {self.rest}")
        return words

    @property
    def options(self) -> dict[str, str]:
        """``--from=builder`` and the like."""
        found = re.match(r"(?:--\S+\s+)*", self.rest)
        words = found[0].split() if found else []
        return dict(word[2:].split("=", 1) for word in words)

    @property
    def words(self) -> list[str]:
        """What follows the options, split as a shell would."""
        return [word for word in shlex.split(self.rest) if not word.startswith("--")]


class Stage(NamedTuple):
    """What follows a FROM."""

    image: str
    name: str | None
    instructions: list[Instruction]

    def last(self, name: str) -> Instruction:
        """The instruction of this name that counts. Raises IndexError if there is none."""
        return [one for one in self.instructions if one.name == name][-1]

    def environment(self) -> dict[str, str]:
        """What all ENV instructions of the stage set."""
        words = [word for one in self.instructions if one.name == "ENV" for word in one.words]
        return dict(word.split("=", 1) for word in words)


def parse(text: str) -> list[Stage]:
    """The stages of a Dockerfile, in order. Raises ValueError for what is not understood."""
    stages: list[Stage] = []
    for name, rest in _logical_lines(text):
        if name not in KNOWN:
            raise ValueError(f"{name} is not understood here")
        if name == "FROM":
            image, *alias = re.split(r"\s+AS\s+", rest)
            stages.append(Stage(image, alias[0] if alias else None, []))
        else:
            stages[-1].instructions.append(Instruction(name, rest))
    return stages


def _logical_lines(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    for line in joined.splitlines():
        name, _, rest = line.strip().partition(" ")
        yield name, rest.strip()


def context(folder: Path) -> list[PurePosixPath]:
    """The files that a build of this folder gets, relative to it: all but the ignored ones.

    Raises ValueError unless .dockerignore first ignores everything.
    """
    rules = [
        line.strip()
        for line in (folder / ".dockerignore").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    ]
    if rules[:1] != ["*"]:
        raise ValueError(".dockerignore should begin with * and then say what is needed")
    patterns = [(rule.startswith("!"), _pattern(rule.removeprefix("!"))) for rule in rules]
    tops = {rule[1:].partition("/")[0] for rule in rules if rule.startswith("!")}
    paths = [path for top in sorted(tops) for path in _files(folder / top)]
    inner = [PurePosixPath(path.relative_to(folder)) for path in paths]
    return [path for path in inner if _is_kept(path, patterns)]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(one for one in path.rglob("*") if one.is_file())


def _is_kept(path: PurePosixPath, patterns: list[tuple[bool, re.Pattern[str]]]) -> bool:
    """The last rule that fits the path, or a folder above it, decides."""
    kept = True
    for keeps, pattern in patterns:
        if any(pattern.fullmatch(str(one)) for one in (path, *path.parents)):
            kept = keeps
    return kept


def _pattern(rule: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*)", rule)
    meaning = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts))
