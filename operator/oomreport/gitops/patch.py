"""Patches of kustomizations, and the memory that they set.

Both kinds are read, strategic merge and JSON 6902, in files and inline. An inline patch in a literal block (`patch:
|-`) is YAML in YAML: its lines are edited in place.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from oomreport.gitops.advice import Target
from oomreport.gitops.files import Files
from oomreport.gitops.lookup import (
    Absent,
    Barred,
    Looked,
    NamedItem,
    Step,
    items,
    look,
    mapping,
    plain,
    sequence,
    text_at,
)
from oomreport.gitops.manifest import Field, Manifest, container_names, looked, ways
from oomreport.gitops.yaml_text import Scalar, YamlText, read_inside, read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """The `target` of a patch: kind and name are anchored regular expressions; label selectors are of equalities."""

    fields: Mapping[str, str]

    def selects(self, manifest: Manifest, names: frozenset[str], namespace: str | None) -> bool:
        """Return whether a patch with this target is for an object; true where that is not known."""
        wanted = self.fields
        version = manifest.api_version.rpartition("/")[2]
        pairs = (("group", manifest.group), ("version", version), ("kind", manifest.kind), ("namespace", namespace))
        if any(key in wanted and not _matches(wanted[key], value or "") for key, value in pairs):
            return False
        if "name" in wanted and not any(_matches(wanted["name"], name) for name in names):
            return False
        metadata = items(items(manifest.node).get("metadata"))
        return all(
            _has(items(metadata.get(where)), wanted.get(key, ""))
            for key, where in (("labelSelector", "labels"), ("annotationSelector", "annotations"))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One patch: a mapping (strategic merge) or a list of operations.

    `around` is the literal block that holds it. A patch in a folded or quoted scalar has lines that are not those of
    the file: it is known, but not edited (`in_file`).
    """

    file: str
    source: YamlText
    node: yaml.Node
    around: Scalar | None = None
    in_file: bool = True
    selector: Selector | None = None

    def is_for(self, manifest: Manifest, names: frozenset[str], namespace: str | None) -> bool:
        """Return whether the patch changes an object that has had these names."""
        if self.selector is not None:
            return self.selector.selects(manifest, names, namespace)
        if not isinstance(self.node, yaml.MappingNode):
            return False
        kind, name = text_at(self.node, "kind"), text_at(self.node, "metadata", "name")
        own = text_at(self.node, "metadata", "namespace")
        return kind == manifest.kind and name in names and (own is None or namespace is None or own == namespace)

    def looked(self, manifest: Manifest, target: Target, field: Field) -> Looked:
        """Return the value that the patch sets, Absent where it leaves it alone."""
        if isinstance(self.node, yaml.SequenceNode):
            found = self._by_operation(manifest, target, field)
        else:
            found = looked(self.source, self.node, target, field)
        if isinstance(found, Scalar) and not self.in_file:
            return Barred(reason="is in a patch that is folded or quoted", value=found.value)
        return found

    def _by_operation(self, manifest: Manifest, target: Target, field: Field) -> Looked:
        for operation in reversed(sequence(self.node)):
            op, path = text_at(operation, "op"), text_at(operation, "path")
            for way in ways(target, field):
                rest = _after(path or "", way, manifest)
                if rest is None:
                    continue
                if op == "remove":
                    return Barred(reason="is removed by a patch", overridable=False)
                value = items(operation).get("value")
                if op in ("add", "replace") and value is not None:
                    found = look(self.source, value, rest)
                    if not isinstance(found, Absent):
                        return found
        return Absent(at="")


def patches_of(files: Files, folder: str, file: str, source: YamlText, root: yaml.Node) -> Iterator[Patch]:
    """Yield the patches of a kustomization in the order in which they are applied."""
    fields = items(root)
    for one in sequence(fields.get("patchesStrategicMerge")):
        if isinstance(one, Scalar):
            yield from (
                _inline(file, source, one, None) if "\n" in one.value else _in_file(files, folder, one.value, None)
            )
    # Since kustomize 5 patchesJson6902 is read as patches; before, it came after all else.
    for key in ("patches", "patchesJson6902"):
        for one in sequence(fields.get(key)):
            yield from _with_target(files, folder, file, source, one)


def _with_target(files: Files, folder: str, file: str, source: YamlText, one: yaml.Node) -> Iterator[Patch]:
    fields = items(one)
    target = {key: str(value) for key, value in mapping(plain(fields.get("target"))).items() if value}
    selector = Selector(fields=target) if target else None
    path, inline = text_at(one, "path"), fields.get("patch")
    if path:
        yield from _in_file(files, folder, path, selector)
    elif isinstance(inline, Scalar):
        yield from _inline(file, source, inline, selector)


def _in_file(files: Files, folder: str, name: str, selector: Selector | None) -> Iterator[Patch]:
    path = files.joined(folder, name)
    source = files.yaml(path) if path else None
    if path and source:
        for node in source.roots:
            yield Patch(file=path, source=source, node=node, selector=selector)


def _inline(file: str, source: YamlText, scalar: Scalar, selector: Selector | None) -> Iterator[Patch]:
    if scalar.style == "|" and "\n" in source.text[scalar.begin : scalar.end]:
        head = source.text.index("\n", scalar.begin) + 1
        inside = read_inside(source, head, scalar.end)
        for node in inside.roots:
            yield Patch(file=file, source=inside, node=node, around=scalar, selector=selector)
        return
    inside = read_yaml(scalar.value)
    for node in inside.roots:
        yield Patch(file=file, source=inside, node=node, in_file=False, selector=selector)


def _after(pointer: str, way: Sequence[Step], manifest: Manifest) -> tuple[Step, ...] | None:
    """Return the rest of a path behind a JSON pointer (RFC 6901); None where the pointer leads elsewhere."""
    if not pointer.startswith("/"):
        return () if pointer == "" else None
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]
    if len(tokens) > len(way):
        return None
    for token, step in zip(tokens, way, strict=False):
        if isinstance(step, NamedItem):
            names = container_names(manifest, str(way[way.index(step) - 1]))
            if not token.isdecimal() or int(token) >= len(names) or names[int(token)] != step.name:
                return None
        elif token != str(step):
            return None
    return tuple(way[len(tokens) :])


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return pattern == value


def _has(values: Mapping[str, yaml.Node], selector: str) -> bool:
    for term in filter(None, (part.strip() for part in selector.split(","))):
        key, equals, value = term.partition("=")
        legible = equals and not key.endswith("!") and " in" not in term
        found = values.get(key.strip())
        if legible and (found is None or found.value != value.lstrip("=").strip()):
            return False
    return True
