"""Paths to a value in a document, and obstacles to its edit.

A value that an alias or a merge key brings is written elsewhere. A value below an anchor in use is also meant
elsewhere. A value that a template or a variable makes is not in the file at all.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from oomreport.gitops.yaml_text import Alias, Scalar, YamlText

_TEMPLATE = re.compile(r"\{\{|\$\{|\$\(")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedItem:
    """A step to the list item that has this name."""

    name: str

    def __str__(self) -> str:
        """Return the step as it stands in a path."""
        return f"[{self.name}]"


Step = str | int | NamedItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """Nothing is written there; `at` is the first step that leads nowhere."""

    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """A value that must not be edited; the reason completes a sentence about the value.

    A kustomization can override it where it is `overridable`: its value now is known to be this document's.
    """

    reason: str
    overridable: bool = True
    value: str | None = None


Looked = Scalar | Absent | Barred


def look(source: YamlText, node: yaml.Node, steps: Sequence[Step]) -> Looked:
    """Return the scalar at the end of a path, or why there is none to edit."""
    shared = False
    for number, step in enumerate(steps):
        shared = shared or id(node) in source.aliased
        if isinstance(node, Alias):
            return _through_alias(source, node, steps[number:])
        if template := _template(source, node):
            return template
        found = _step(source, node, step)
        if isinstance(found, Barred):
            return found
        if found is None:
            return Absent(at=path_text(steps[: number + 1]))
        node = found
    return _value(source, node, steps, shared=shared)


def _value(source: YamlText, node: yaml.Node, steps: Sequence[Step], *, shared: bool) -> Looked:
    if isinstance(node, Alias):
        return _through_alias(source, node, ())
    if template := _template(source, node):
        return template
    if not isinstance(node, Scalar):
        return Barred(reason=f"{path_text(steps)} is no single value", overridable=False)
    if shared or id(node) in source.aliased:
        return Barred(reason="is anchored (&) and used in other places of the file, too", value=node.value)
    if node.begin == node.end or node.tag == "tag:yaml.org,2002:null":
        return Absent(at=path_text(steps))
    return node


def path_text(steps: Sequence[Step]) -> str:
    """Return a path as people write it."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else str(step) if isinstance(step, NamedItem) else f".{step}"
    return text.removeprefix(".")


def items(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """Return the items of a mapping by key, without those of merge keys.

    Of equal keys the last wins, as in Kubernetes.
    """
    if isinstance(node, Alias):
        node = node.target
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: value for key, value in node.value if isinstance(key, Scalar)}


def text_at(node: yaml.Node | None, *keys: str) -> str | None:
    """Return the text of a scalar below a mapping; aliases are followed."""
    for key in keys:
        node = items(node).get(key)
    if isinstance(node, Alias):
        node = node.target
    return node.value if isinstance(node, Scalar) and node.tag != "tag:yaml.org,2002:null" else None


def sequence(node: yaml.Node | None) -> list[yaml.Node]:
    """Return the items of a list; none where it is no list."""
    if isinstance(node, Alias):
        node = node.target
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def plain(node: yaml.Node | None) -> Any:  # noqa: ANN401 - data of any shape
    """Return a node as lists, dictionaries and texts. Aliases are not followed: they may lead in circles."""
    if isinstance(node, Alias):
        return f"*{node.name}"
    if isinstance(node, yaml.MappingNode):
        return {key: plain(value) for key, value in items(node).items()}
    if isinstance(node, yaml.SequenceNode):
        return [plain(one) for one in node.value]
    return node.value if isinstance(node, Scalar) else None


def mapping(data: object) -> Mapping[str, Any]:
    """Return a mapping, or an empty one for what is none."""
    return data if isinstance(data, dict) else {}


def _template(source: YamlText, node: yaml.Node) -> Barred | None:
    written = source.written(node)
    # What begins as a template parses as a mapping in a mapping.
    found = _TEMPLATE.search(written) if isinstance(node, Scalar) else _TEMPLATE.match(written)
    if found is None:
        return None
    return Barred(reason=f"comes from a template: {written.splitlines()[0][:80]}", overridable=False)


def _step(source: YamlText, node: yaml.Node, step: Step) -> yaml.Node | Barred | None:
    if isinstance(step, str):
        return _key(node, step)
    if not isinstance(node, yaml.SequenceNode):
        return None
    if isinstance(step, int):
        return node.value[step] if -len(node.value) <= step < len(node.value) else None
    found = [one for one in node.value if text_at(one, "name") == step.name]
    if len(found) > 1:
        return Barred(reason=f"is not clear: {len(found)} items of the list are named {step.name}", overridable=False)
    if not found and any(_template(source, one) for one in node.value):
        return Barred(reason="comes from a template", overridable=False)
    return found[0] if found else None


def _key(node: yaml.Node, step: str) -> yaml.Node | Barred | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    found = [value for key, value in node.value if isinstance(key, Scalar) and key.value == step]
    if len(found) > 1:
        return Barred(reason=f"is not clear: {step} is written {len(found)} times", overridable=False)
    if not found:
        for key, value in node.value:
            if isinstance(key, Scalar) and key.value == "<<" and key.style is None:
                merged = [one for one in (sequence(value) or [value]) if step in items(one)]
                if merged:
                    return Barred(reason="comes through a merge key (<<)", value=None)
    return found[0] if found else None


def _through_alias(source: YamlText, alias: Alias, steps: Sequence[Step]) -> Looked:
    """Return why an alias forbids the edit, with its value; Absent where it has none."""
    target = alias.target
    assert target is not None
    found = look(source, target, steps)
    if isinstance(found, Absent):
        return found
    value = found.value
    return Barred(
        reason=f"comes from the alias *{alias.name}",
        overridable=not isinstance(found, Barred) or found.overridable,
        value=value,
    )
