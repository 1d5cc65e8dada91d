"""deploy/kubernetes as data."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from tests.unit.deploy.settings_of import DEPLOY

FOLDER = DEPLOY / "kubernetes"
KUSTOMIZATIONS = sorted(FOLDER.rglob("kustomization.yaml"))
SCHEMA = json.loads((Path(__file__).parent / "schemas/kubernetes.json").read_text())
Manifest = dict[str, Any]


def documents(file: Path) -> list[Manifest]:
    """The objects of a YAML file."""
    return [one for one in yaml.safe_load_all(file.read_text()) if one]


def kustomization(folder: Path) -> Manifest:
    """What a folder's kustomization.yaml says."""
    (found,) = documents(folder / "kustomization.yaml")
    return found


def resources(folder: Path) -> Iterator[Manifest]:
    """The objects of the files that a kustomization lists itself."""
    for name in kustomization(folder).get("resources", []):
        if name.endswith(".yaml"):
            yield from documents(folder / name)


ALL = [*resources(FOLDER / "base"), *resources(FOLDER / "autoscaling")]


def of_kind(kind: str) -> dict[str, Manifest]:
    """The objects of a kind by name."""
    return {one["metadata"]["name"]: one for one in ALL if one["kind"] == kind}


PODS: dict[str, Manifest] = {
    name: one["spec"]["template"] for name, one in (of_kind("Deployment") | of_kind("Job")).items()
}
"""Pod templates by the name of what makes them."""
CONTAINERS: dict[str, Manifest] = {name: pod["spec"]["containers"][0] for name, pod in PODS.items()}


def shared_settings() -> dict[str, str]:
    """What the config map gives to every pod."""
    lines = (FOLDER / "base/settings.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def environment(name: str) -> dict[str, str]:
    """The variables of a pod's container."""
    own = {one["name"]: one["value"] for one in CONTAINERS[name].get("env", [])}
    return shared_settings() | own


def problems(manifest: Manifest, *, partly: bool = False) -> list[str]:
    """What Kubernetes' schema has against an object; with ``partly`` it may lack fields."""
    definitions = SCHEMA["$defs"]
    if partly:
        definitions = {name: _without_required(one) for name, one in definitions.items()}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": f"#/$defs/{SCHEMA['kinds'][manifest['kind']]}",
        "$defs": definitions,
    }
    found = jsonschema.Draft202012Validator(schema).iter_errors(manifest)
    return [f"{error.json_path}: {error.message}" for error in found]


def _without_required(schema: Manifest) -> Manifest:
    return {key: value for key, value in schema.items() if key != "required"}


def built(kustomize: str, folder: Path) -> list[Manifest]:
    """What the tool makes of a folder. Raises AssertionError with what it says against it."""
    done = subprocess.run(
        [kustomize, "build", os.fspath(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]
