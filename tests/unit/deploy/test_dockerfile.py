"""The image is pinned, small, without rights, and made from what the project needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.integration.deploy.dockerfile import context, parse
from tests.unit.deploy.settings_of import DEPLOY, ROOT, default, unknown

FILE = DEPLOY / "docker/Dockerfile"
TEXT = FILE.read_text()
BUILDER, FINAL = parse(TEXT)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTEXT = context(ROOT)


def constraints() -> dict[str, str]:
    """Version by canonical name of what is in the image."""
    lines = (DEPLOY / "docker/constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def test_both_stages_have_the_same_base_pinned_by_version_and_digest() -> None:
    assert BUILDER.image == FINAL.image
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64}", FINAL.image)


def test_only_the_first_stage_has_a_compiler() -> None:
    def runs(instructions: list[str]) -> str:
        return "\n".join(instructions)

    builder = runs([one.rest for one in BUILDER.instructions if one.name == "RUN"])
    final = runs([one.rest for one in FINAL.instructions if one.name == "RUN"])
    assert "gcc" in builder
    assert not re.search("apt-get|pip|gcc", final)


def test_it_runs_as_a_user_that_is_a_number_and_not_root() -> None:
    user, _, group = FINAL.last("USER").rest.partition(":")
    assert int(user) >= 10_000
    assert int(group) >= 10_000


def test_it_exposes_the_ports_that_the_settings_listen_on() -> None:
    ports = set(FINAL.last("EXPOSE").rest.split())
    expected = {default("ingest_port"), default("ingest_tls_port"), default("http_port")}
    assert ports == {str(port) for port in expected}


def test_every_variable_is_a_setting_and_containers_listen_beyond_themselves() -> None:
    assert unknown(TEXT) == set()
    environment = FINAL.environment()
    assert environment["DIPPER_INGEST_HOST"] == environment["DIPPER_HTTP_HOST"] == "0.0.0.0"


def test_the_healthcheck_runs_a_file_that_the_image_has() -> None:
    check = FINAL.last("HEALTHCHECK").rest
    (file,) = re.findall(r'"(/opt/dipper/\S+)"', check)
    built = "\n".join(one.rest for one in BUILDER.instructions)
    assert f"/src/deploy/docker/healthcheck.py {file}" in built
    assert [one.words for one in FINAL.instructions if one.name == "COPY"] == [
        ["/opt/dipper", "/opt/dipper"]
    ]
    assert PurePosixPath("deploy/docker/healthcheck.py") in CONTEXT


def test_it_runs_dipper_without_a_shell_in_between() -> None:
    assert FINAL.last("ENTRYPOINT").exec_form == ["dipper"]
    assert FINAL.last("CMD").exec_form == ["--help"]


def test_the_context_has_all_that_the_project_is_built_from() -> None:
    needed = {"pyproject.toml", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}
    hooks = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"].get("hooks", {})
    if "custom" in hooks:
        needed.add(hooks["custom"].get("path", "hatch_build.py"))
    for package in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        needed |= {
            str(path.relative_to(ROOT))
            for path in (ROOT / package).rglob("*")
            if path.is_file() and path.suffix not in (".pyc", ".so")
        }
    assert {str(path) for path in CONTEXT} >= needed


def test_the_context_has_nothing_else() -> None:
    tops = {path.parts[0] for path in CONTEXT}
    assert tops <= {
        "pyproject.toml", "README.md", "LICENSE", "hatch_build.py", "services", "schemas", "deploy",
    }  # fmt: skip
    assert {path.suffix for path in CONTEXT}.isdisjoint({".pyc", ".so"})
    assert all("__pycache__" not in path.parts for path in CONTEXT)


@pytest.mark.parametrize("wanted", PROJECT["project"]["dependencies"])
def test_a_dependency_is_pinned_within_the_projects_range(wanted: str) -> None:
    requirement = Requirement(wanted)
    pinned = constraints().get(canonicalize_name(requirement.name))
    assert pinned is not None, "make deploy/docker/constraints.txt anew, as its first lines say"
    assert requirement.specifier.contains(pinned)


def test_nothing_for_developers_is_in_the_image() -> None:
    extras = PROJECT["project"]["optional-dependencies"]["dev"]
    names = {canonicalize_name(Requirement(one).name) for one in extras}
    assert names.isdisjoint(constraints())
    assert "dev" not in "".join(one.rest for one in BUILDER.instructions if "pip" in one.rest)


CASES = [
    ("*\n!a\n", ["a/x.py", "a/b/y.py"]),
    ("*\n!a\n**/*.py\n", []),
    ("*\n!a/b\n", ["a/b/y.py"]),
    ("*\n!a\n!c.txt\n**/b\n", ["a/x.py", "c.txt"]),
]


@pytest.mark.parametrize(("rules", "kept"), CASES)
def test_the_last_rule_of_dockerignore_that_fits_decides(
    rules: str, kept: list[str], tmp_path: Path
) -> None:
    for name in ("a/x.py", "a/b/y.py", "c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text(rules)
    assert sorted(map(str, context(tmp_path))) == sorted(kept)


def test_a_dockerfile_is_read_as_stages_of_instructions() -> None:
    text = '# x\nFROM a AS b\nRUN one \\\n && two\nENV A=1 B="2 3"\nFROM c\nCOPY --from=b /x /y\n'
    first, last = parse(text)
    assert (first.image, first.name, last.name) == ("a", "b", None)
    assert first.instructions[0].rest.split() == ["one", "&&", "two"]
    assert first.environment() == {"A": "1", "B": "2 3"}
    assert last.instructions[0].options == {"from": "b"}
    assert last.instructions[0].words == ["/x", "/y"]


def test_an_instruction_that_would_not_be_tried_is_refused() -> None:
    with pytest.raises(ValueError, match="ADD is not understood"):
        parse("FROM a\nADD x /x\n")
