"""Recommendations as patches and values files.

They are for people who do not let `apply` edit their files.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import yaml

from oomreport.cli.terminal import printable
from oomreport.errors import InputUnreadable
from oomreport.gitops.advice import Advice
from oomreport.gitops.lookup import Step
from oomreport.gitops.manifest import LIMIT, REQUEST, Field, pod_spec
from oomreport.gitops.values import ANNOTATION_PREFIX, mapping_by_report

_HEAD = "# {count} by oomreport recommend; the evidence of each number is in: oomreport recommend -o markdown\n"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as literal blocks, lists indented as people do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002 - PyYAML's
        del indentless
        super().increase_indent(flow, False)  # noqa: FBT003


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def patches(advice: Sequence[Advice]) -> str:
    """Return strategic-merge patches, a document for each workload."""
    documents = strategic_merges(advice)
    head = _HEAD.format(count=_count(len(documents), "patch", "patches"))
    return head + "".join(f"---\n{_dumped(document)}" for document in documents)


def component(advice: Sequence[Advice]) -> str:
    """Return a kustomize Component: to be saved as DIRECTORY/kustomization.yaml and listed under components."""
    listed = [{"patch": _dumped(document)} for document in strategic_merges(advice)]
    whole = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "patches": listed}
    return _HEAD.format(count=_count(len(listed), "patch", "patches")) + _dumped(whole)


def values(advice: Sequence[Advice]) -> str:
    """Return values for Helm, a document for each file, or each workload where no annotation says which file it is."""
    documents: dict[str, dict[str, Any]] = defaultdict(dict)
    for one in advice:
        problem = f"no annotation {ANNOTATION_PREFIX}{one.container}"
        try:
            mapped = mapping_by_report(one, "")
        except InputUnreadable as error:
            mapped, problem = None, str(error)
        whose = f"{one.namespace} {one.kind}/{one.workload} container {one.container}"
        if mapped is not None and mapped.limit is not None and all(isinstance(step, str) for step in mapped.limit):
            where, above = mapped.file, mapped.limit[:-2]
        else:
            where = f"{whose} ({problem}: put it where the chart has its resources)"
            above = ("resources",)
        for field, value in _fields(one).items():
            _put(documents[where], (*above, *field.keys[1:]), value)
    return "".join(f"---\n# {printable(where)}\n{_dumped(document)}" for where, document in documents.items())


def strategic_merges(advice: Sequence[Advice]) -> list[dict[str, Any]]:
    """Return a patch for each workload, its containers together."""
    found: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for one in advice:
        key = (one.namespace, one.api_version, one.kind, one.workload)
        empty: dict[str, Any] = {
            "apiVersion": one.api_version,
            "kind": one.kind,
            "metadata": {"name": one.workload, "namespace": one.namespace},
        }
        spec = found.setdefault(key, empty)
        for step in pod_spec(one.kind):
            spec = spec.setdefault(step, {})
        resources: dict[str, Any] = {}
        for field, value in _fields(one).items():
            _put(resources, field.keys, value)
        if one.target.container is None:
            spec.update(resources)
        else:
            spec.setdefault("containers", []).append({"name": one.container, **resources})
    return list(found.values())


def _fields(one: Advice) -> dict[Field, str]:
    sizes = {LIMIT: one.limit if one.action != "RaiseRequest" else None, REQUEST: one.request}
    return {field: size for field, size in sizes.items() if size is not None}


def _put(values_: dict[str, Any], way: Sequence[Step], value: str) -> None:
    for step in way[:-1]:
        values_ = values_.setdefault(str(step), {})
    values_[str(way[-1])] = value


def _dumped(document: object) -> str:
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=120)
    return text


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
