"""deploy/kubernetes fits Kubernetes' schemas, and its parts fit together."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.unit.deploy.manifests import (
    ALL,
    CONTAINERS,
    FOLDER,
    KUSTOMIZATIONS,
    PODS,
    Manifest,
    built,
    documents,
    environment,
    kustomization,
    problems,
)
from tests.unit.deploy.settings_of import (
    ROOT,
    service_starts_with,
)

PATCHES = [
    folder.parent / patch["path"]
    for folder in KUSTOMIZATIONS
    for patch in kustomization(folder.parent).get("patches", [])
]
EXAMPLE = FOLDER / "overlays/example"


def title(manifest: Manifest) -> str:
    """Kind and name, for a test's name."""
    return f"{manifest['kind']}-{manifest['metadata']['name']}"


@pytest.mark.parametrize("manifest", ALL, ids=title)
def test_a_manifest_fits_kubernetes_schema(manifest: Manifest) -> None:
    assert problems(manifest) == []


@pytest.mark.parametrize("file", PATCHES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_patch_names_only_fields_that_kubernetes_knows(file: Path) -> None:
    for patch in documents(file):
        assert problems(patch, partly=True) == []


def test_the_schema_refuses_a_field_that_kubernetes_does_not_know() -> None:
    (manifest,) = documents(FOLDER / "base/service-account.yaml")
    assert problems(manifest | {"automountToken": False})
    assert problems({"kind": "Deployment", "spec": {"template": {"spec": {"x": 1}}}}, partly=True)


@pytest.mark.parametrize("file", KUSTOMIZATIONS, ids=lambda file: file.parent.name)
def test_a_kustomization_lists_what_is_there_and_all_of_it(file: Path) -> None:
    folder, listed = file.parent, kustomization(file.parent)
    named = [*listed.get("resources", []), *listed.get("components", [])]
    named += [patch["path"] for patch in listed.get("patches", [])]
    named += [env for one in listed.get("configMapGenerator", []) for env in one.get("envs", [])]
    assert [name for name in named if not (folder / name).exists()] == []
    present = {one.name for one in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert present - set(named) <= {"prometheus-adapter-rules.yaml"}


@pytest.mark.parametrize("components", [[], ["../../tls"], ["../../kafka-sasl", "../../tls"]])
def test_kustomize_makes_valid_manifests_of_the_example(
    components: list[str], tmp_path: Path
) -> None:
    kustomize = shutil.which("kustomize")
    if kustomize is None:
        pytest.skip("kustomize is not installed")
    copy = tmp_path / "kubernetes"
    shutil.copytree(FOLDER, copy)
    folder = copy / "overlays/example"
    shutil.copy(folder / "secrets/dsn.example", folder / "secrets/dsn")
    listed = kustomization(folder)
    listed["components"] += components
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(listed))
    manifests = built(kustomize, folder)
    assert {title(one) for one in manifests} >= {title(one) for one in ALL if one["kind"] != "Job"}
    assert [problem for one in manifests for problem in problems(one)] == []


def test_the_example_uses_an_exact_image_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    (image,) = kustomization(EXAMPLE)["images"]
    assert image["newTag"] == version
    assert {one["image"] for one in CONTAINERS.values()} == {image["name"]}


def test_the_examples_settings_are_accepted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (given,) = kustomization(EXAMPLE)["configMapGenerator"]
    own = dict(literal.split("=", 1) for literal in given["literals"])
    service_starts_with("store", environment("store") | own, monkeypatch, tmp_path)


def test_the_examples_secret_is_never_in_the_repository() -> None:
    (secret,) = kustomization(EXAMPLE)["secretGenerator"]
    mounted = {
        volume["secret"]["secretName"]
        for pod in PODS.values()
        for volume in pod["spec"].get("volumes", [])
    }
    assert {secret["name"]} == mounted
    ignored = (EXAMPLE / "secrets/.gitignore").read_text().splitlines()
    assert "*" in ignored
    for file in secret["files"]:
        assert (EXAMPLE / f"{file}.example").is_file()
