"""The chart as Helm renders it, and manifests/ as kustomize builds them."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from cluster.lab.binaries import binaries
from support.programs import program, run

Object = dict[str, Any]
Objects = dict[tuple[str, str, str], Object]
ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/oomreport"
NAMESPACE = "oomreport-system"
KUBERNETES = "1.36.3"
# What only one of both writes: whose object it is.
_OWNER_LABELS = ("app.kubernetes.io/managed-by", "app.kubernetes.io/instance", "helm.sh/chart")
_KEEP = "helm.sh/resource-policy"


def rendered(values: Object | None = None, *files: Path, namespace: str = NAMESPACE, chart: Path = CHART) -> Objects:
    """Return what `helm template` prints for values."""
    text = run("helm", *_template(*files, namespace=namespace, chart=chart), "-f", "-", text=json.dumps(values or {}))
    return objects_of(text)


def refusal(values: Object, *, kubernetes: str = KUBERNETES) -> str:
    """Return the words of Helm for what it does not take."""
    template = _template(namespace=NAMESPACE, chart=CHART, kubernetes=kubernetes)
    command = [program("helm"), *template, "-f", "-"]
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)
    assert done.returncode != 0, "these values are taken"
    return done.stderr


def built(overlay: Path) -> Objects:
    """Return the CRDs and what `kubectl kustomize` prints for a folder."""
    kubectl = binaries("kubernetes", "kubectl") / "kubectl"
    texts = [
        subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=True).stdout
        for folder in (ROOT / "crds", overlay)
    ]
    return objects_of("\n---\n".join(texts))


def objects_of(text: str) -> Objects:
    """Return objects by kind, namespace and name; two of the same are a fault."""
    found: Objects = {}
    for one in yaml.safe_load_all(text):
        if one:
            key = one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]
            assert key not in found, f"{key} is there twice"
            found[key] = one
    return found


def without_owner(objects: Objects) -> Objects:
    """Return objects without what says who made them."""
    result = copy.deepcopy(objects)
    for one in result.values():
        template = (one.get("spec") or {}).get("template") or {}
        for metadata in (one["metadata"], template.get("metadata") or {}):
            for label in _OWNER_LABELS:
                (metadata.get("labels") or {}).pop(label, None)
        annotations = one["metadata"].get("annotations") or {}
        annotations.pop(_KEEP, None)
        if not annotations:
            one["metadata"].pop("annotations", None)
    return result


def _template(*files: Path, namespace: str, chart: Path, kubernetes: str = KUBERNETES) -> list[str]:
    more = [option for file in files for option in ("-f", str(file))]
    return ["template", "oomreport", str(chart), "--namespace", namespace, "--kube-version", kubernetes, *more]
