"""JSON schemas for kubeconform, strict, made of what others publish in Go modules (tests/cluster/modules/schemas).

Kubernetes' own come from the OpenAPI files of its source, those of the Prometheus operator and of OpenShift from their
CRDs.
"""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.lab.binaries import go_missing
from cluster.lab.places import MODULES

Schema = dict[str, Any]
OLDEST, NEWEST = "the oldest Kubernetes that is supported", "the newest"
# Which of modules/ names a version of Kubernetes.
_KUBERNETES = {OLDEST: "schemas", NEWEST: "kubernetes"}
_CRDS = (
    ("github.com/prometheus-operator/prometheus-operator", "example/prometheus-operator-crd/*_podmonitors.yaml"),
    ("github.com/prometheus-operator/prometheus-operator", "example/prometheus-operator-crd/*_prometheusrules.yaml"),
    ("github.com/openshift/api", "security/v1/zz_generated.crd-manifests/*securitycontextconstraints.crd.yaml"),
)
# As kubeconform asks for them.
LOCATION = "{{.Group}}_{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"


@cache
def source(module: str, path: str) -> Path:
    """Return the folder of a Go module's files; the test is skipped where Go, or the network, is not there."""
    if problem := go_missing():
        pytest.skip(problem)
    command = ["go", "mod", "download", "-json", path]
    done = subprocess.run(command, cwd=MODULES / module, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        pytest.skip(f"{path} cannot be fetched: {done.stdout}{done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])


def write_schemas(folder: Path, which: str) -> None:
    """Write a schema for each kind that has a version of its own."""
    for file in (source(_KUBERNETES[which], "k8s.io/kubernetes") / "api/openapi-spec/v3").glob("*__v1_openapi.json"):
        known = json.loads(file.read_text())["components"]["schemas"]
        for name, schema in known.items():
            for kind in schema.get("x-kubernetes-group-version-kind", ()):
                if "api" in file.name and not kind["kind"].endswith("List"):
                    whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": _used(known, name)}}
                    _write(folder, kind["group"], kind["version"], kind["kind"], whole)
    for module, pattern in _CRDS:
        for file in source("schemas", module).glob(pattern):
            crd = yaml.safe_load(file.read_text())["spec"]
            for version in crd["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                _write(folder, crd["group"], version["name"], crd["names"]["kind"], schema)


def _used(known: dict[str, Schema], name: str) -> dict[str, Schema]:
    """Return a schema and all those that it refers to."""
    found: dict[str, Schema] = {}
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found[one] = known[one]
            waiting += [part.split('"')[0] for part in json.dumps(known[one]).split('"#/components/schemas/')[1:]]
    return found


def _write(folder: Path, group: str, version: str, kind: str, schema: Schema) -> None:
    name = LOCATION.replace("{{.Group}}", group or version).replace("{{.ResourceKind}}", kind.lower())
    text = json.dumps(_strict(schema))
    (folder / name.replace("{{.ResourceAPIVersion}}", version)).write_text(text)


def _strict(value: Any) -> Any:
    """Return a schema whose objects take only the fields that it names."""
    if isinstance(value, list):
        return [_strict(one) for one in value]
    if not isinstance(value, dict):
        return value
    # The names in `properties` are fields, which may be called as words of schemas are.
    made = {
        key: {name: _strict(one) for name, one in under.items()} if key == "properties" else _strict(under)
        for key, under in value.items()
    }
    if value.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    open_ended = "additionalProperties" in value or value.get("x-kubernetes-preserve-unknown-fields")
    if "properties" in value and value.get("type") == "object" and not open_ended:
        made["additionalProperties"] = False
    return made
