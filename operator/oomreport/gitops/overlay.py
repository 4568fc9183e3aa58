"""A new strategic-merge patch in a kustomization.

It is for a value that must not be edited where it is written. The patch is a file of its own. The kustomization's text
gets the line that names it, and keeps all others.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from oomreport.errors import EditRefused
from oomreport.gitops.advice import Target
from oomreport.gitops.kustomize import BuiltObject, Kustomization
from oomreport.gitops.lookup import items, plain
from oomreport.gitops.manifest import LIMIT, Field, container_names, pod_spec
from oomreport.gitops.yaml_text import Scalar, YamlText, read_yaml

_DASH = re.compile(r"([ ]*)-[ ]+")
_UNSAFE = re.compile(r"[^a-z0-9.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A kustomization that can change an object, and the target whose memory it changes."""

    kustomization: Kustomization
    made: BuiltObject
    target: Target

    @property
    def file_name(self) -> str:
        """Return the name of the new file."""
        words = ("oomreport", self.target.kind, self.made.inner_name, self.target.container or "pod")
        return _UNSAFE.sub("-", "-".join(words).lower()) + ".yaml"

    def patch(self, values: Mapping[Field, str], newline: str) -> str:
        """Return the text of the new file."""
        resources: dict[str, object] = {f"{field.name}s": {"memory": value} for field, value in sorted_values(values)}
        inner: dict[str, object] = {"resources": resources}
        if self.target.container is not None:
            regular = self.target.container in container_names(self.made.manifest, "containers")
            where = "containers" if regular else "initContainers"
            inner = {where: [{"name": self.target.container, **inner}]}
        for key in reversed(pod_spec(self.target.kind)):
            inner = {key: inner}
        metadata = {"name": self.made.inner_name}
        if self.made.inner_namespace:
            metadata["namespace"] = self.made.inner_namespace
        patch = {"apiVersion": self.made.manifest.api_version, "kind": self.target.kind, "metadata": metadata, **inner}
        text: str = yaml.safe_dump(patch, sort_keys=False, default_flow_style=False)
        return text.replace("\n", newline)


def sorted_values(values: Mapping[Field, str]) -> list[tuple[Field, str]]:
    """Return values, the limit first."""
    return sorted(values.items(), key=lambda item: item[0] != LIMIT)


def newline_of(text: str) -> str:
    """Return how the lines of a text end."""
    return "\r\n" if "\r\n" in text else "\n"


def with_patches(source: YamlText, names: list[str]) -> str:
    """Return the text of a kustomization that names more patches.

    Raises EditRefused where no line can be put in safely.
    """
    roots = list(source.roots)
    if len(roots) != 1 or source.problem or not isinstance(roots[0], yaml.MappingNode) or roots[0].flow_style:
        raise EditRefused("the kustomization is not one block of YAML")
    newline = newline_of(source.text)
    patches = items(roots[0]).get("patches")
    if patches is None:
        whole = source.text if source.text.endswith("\n") else source.text + newline
        text = whole + f"patches:{newline}" + "".join(f"- path: {name}{newline}" for name in names)
    else:
        text = _after_last(source, patches, names, newline)
    changed = next(read_yaml(text).roots, None)
    before, after = plain(roots[0]), plain(changed)
    wanted = {**before, "patches": [*(before.get("patches") or []), *({"path": name} for name in names)]}
    if after != wanted:
        raise EditRefused("its list of patches cannot be added to safely")
    return text


def _after_last(source: YamlText, patches: yaml.Node, names: list[str], newline: str) -> str:
    if not isinstance(patches, yaml.SequenceNode) or not patches.value or patches.flow_style:
        raise EditRefused("its patches are not a list in block style")
    first = patches.value[0].start_mark.index
    begin = source.text.rfind("\n", 0, first) + 1
    dash = _DASH.fullmatch(source.text[begin:first])
    if dash is None:
        raise EditRefused("its patches are not a list in block style")
    end = max(scalar.end for scalar in _scalars(patches.value[-1]))
    end = len(source.text[:end].rstrip())
    stop = source.text.find("\n", end)
    head, tail = (source.text + newline, "") if stop < 0 else (source.text[: stop + 1], source.text[stop + 1 :])
    return head + "".join(f"{dash[1]}- path: {name}{newline}" for name in names) + tail


def _scalars(node: yaml.Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(key)
            yield from _scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for one in node.value:
            yield from _scalars(one)
