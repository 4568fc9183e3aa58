"""The workloads in YAML documents, and where their memory is set."""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from oomreport.gitops.advice import Target
from oomreport.gitops.lookup import Absent, Barred, Looked, NamedItem, Step, items, look, sequence, text_at
from oomreport.gitops.yaml_text import Alias, YamlText

# The path to the pod's spec. Every other kind that runs pods has it where a Deployment has it.
_POD_SPEC: dict[str, tuple[str, ...]] = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "PodTemplate": ("template", "spec"),
}
_TEMPLATE = ("spec", "template", "spec")
_LISTS = ("containers", "initContainers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A value of a target's memory: its limit, or its request."""

    name: str

    @property
    def keys(self) -> tuple[str, ...]:
        """Return its path from a container, or from the spec of a pod."""
        return ("resources", f"{self.name}s", "memory")


LIMIT, REQUEST = Field(name="limit"), Field(name="request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An object in a file."""

    file: str
    source: YamlText
    node: yaml.Node
    api_version: str
    kind: str
    name: str
    namespace: str | None

    @property
    def group(self) -> str:
        """Return the API group, empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def line(self) -> int:
        """Return the line where it begins, counted from 1."""
        return int(self.node.start_mark.line) + 1

    def is_kind_of(self, target: Target) -> bool:
        """Return whether it is of the target's kind."""
        return (self.group, self.kind) == (target.group, target.kind)


def manifests_in(file: str, source: YamlText) -> Iterator[Manifest]:
    """Yield the objects of a file; those of lists one by one."""
    for root in source.roots:
        yield from _flattened(file, source, root)


def _flattened(file: str, source: YamlText, node: yaml.Node) -> Iterator[Manifest]:
    if isinstance(node, Alias):
        return
    kind, api_version = text_at(node, "kind"), text_at(node, "apiVersion")
    if kind is None or api_version is None:
        return
    listed = items(node).get("items")
    if kind.endswith("List") and listed is not None:
        for one in sequence(listed):
            yield from _flattened(file, source, one)
        return
    name = text_at(node, "metadata", "name")
    if name is None:
        return
    namespace = text_at(node, "metadata", "namespace") or None
    yield Manifest(
        file=file, source=source, node=node, api_version=api_version, kind=kind, name=name, namespace=namespace
    )


def pod_spec(kind: str) -> tuple[str, ...]:
    """Return the path from an object to the spec of its pods."""
    return _POD_SPEC.get(kind, _TEMPLATE)


def ways(target: Target, field: Field) -> tuple[tuple[Step, ...], ...]:
    """Return the paths from an object to a value; a container can be an init container (a sidecar is one)."""
    above = pod_spec(target.kind)
    if target.container is None:
        return ((*above, *field.keys),)
    return tuple((*above, kind, NamedItem(name=target.container), *field.keys) for kind in _LISTS)


def looked(source: YamlText, node: yaml.Node, target: Target, field: Field) -> Looked:
    """Return the scalar of a value in a manifest or in a strategic-merge patch."""
    absent = Absent(at="")
    for way in ways(target, field):
        found = look(source, node, way)
        if not isinstance(found, Absent):
            return found
        # Of several paths, the one that leads furthest says what is missing.
        absent = max(absent, found, key=lambda one: one.at.count(".") + one.at.count("["))
    return absent


def container_names(manifest: Manifest, list_name: str) -> list[str | None]:
    """Return the names of containers in their order."""
    node: yaml.Node | None = manifest.node
    for key in (*pod_spec(manifest.kind), list_name):
        node = items(node).get(key)
    return [text_at(one, "name") for one in sequence(node)]


def has_container(manifest: Manifest, target: Target) -> bool:
    """Return whether a manifest defines the target's container."""
    return target.container is None or any(target.container in container_names(manifest, one) for one in _LISTS)


def is_templated(found: Looked) -> bool:
    """Return whether a template makes what was found."""
    return isinstance(found, Barred) and not found.overridable
