"""The places in a checkout that set a workload's memory.

The most explicit place wins: a marked line, then a mapping to a values file, then the manifest that defines the
workload. A manifest without a namespace fits every namespace, unless another manifest names the namespace.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from oomreport.gitops.advice import Target
from oomreport.gitops.files import Files
from oomreport.gitops.kustomize import Tree, same_place, users
from oomreport.gitops.lookup import Absent, Barred, Looked
from oomreport.gitops.manifest import LIMIT, REQUEST, Field, Manifest, has_container, looked
from oomreport.gitops.marker import Marker
from oomreport.gitops.overlay import Overlay
from oomreport.gitops.patch import Patch
from oomreport.gitops.values import ValuesMapping
from oomreport.gitops.yaml_text import Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A value in a file, or the reason why there is none. `around` is the block scalar that holds it."""

    file: str
    value: Looked
    around: Scalar | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLocation:
    """A place that defines the target.

    `shown` is its name for people. `found` looks a value up. `overlays` are the kustomizations that can change it.
    """

    shown: str
    namespace: str | None
    found: Callable[[Field], Found]
    overlays: tuple[Overlay, ...] = ()

    def is_same(self, other: "MemoryLocation") -> bool:
        """Return whether both read the same values from the same places."""
        pairs = [(self.found(field), other.found(field)) for field in (LIMIT, REQUEST)]
        absent = [isinstance(one.value, Absent) and isinstance(two.value, Absent) for one, two in pairs]
        same = [same_place((one.file, one.value), (two.file, two.value)) for one, two in pairs]
        return any(same) and all(here or there for here, there in zip(same, absent, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A document that is no YAML before a program has filled it in."""

    file: str
    text: str

    def defines(self, target: Target) -> bool:
        """Return whether it seems to define a workload by its literal name."""
        kind = re.search(rf"^kind:\s*{re.escape(target.kind)}\s*$", self.text, re.MULTILINE)
        name = re.search(rf"^\s+name:\s*[\"']?{re.escape(target.name)}[\"']?\s*$", self.text, re.MULTILINE)
        return bool(kind and name)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutManifests:
    """All workloads that a checkout defines. `manifests` are those that no kustomization uses."""

    files: Files
    tree: Tree
    manifests: Sequence[Manifest] = ()
    markers: Sequence[Marker] = ()
    mapped: Sequence[ValuesMapping] = ()
    templates: Sequence[Template] = ()
    default_namespace: str | None = None

    def locations(self, target: Target) -> list[MemoryLocation]:
        """Return the places that define a target; several where the choice is not clear."""
        for kind in (self._marked, self._mapped, self._defined):
            if locations := list(kind(target)):
                return _distinct(locations)
        return []

    def shared(self, found: Found, target: Target, field: Field) -> str | None:
        """Return who else uses the value of one place besides the target; None where nobody does."""
        if not isinstance(found.value, Scalar):
            return None
        others = [
            f"{one.namespace or '(no namespace)'} {one.manifest.kind}/{one.name}"
            for one in users(self.tree.made, found.file, found.value, target, field)
            if not one.is_(target)
        ]
        return ", ".join(dict.fromkeys(others)) or None

    def hint(self, target: Target) -> str:
        """Return what can define a target that was not found."""
        of_kind = [
            one.file for one in self.templates if re.search(rf"^kind:\s*{target.kind}\b", one.text, re.MULTILINE)
        ]
        if of_kind:
            files = ", ".join(dict.fromkeys(self.files.shown(file) for file in of_kind))
            return f"; templates of kind {target.kind} are in {files}: map its values in .oomreport.yaml"
        remote = [(file, names) for file, names in self.tree.unfollowed.items() if names]
        if remote:
            file, names = remote[0]
            return (
                f"; {self.files.shown(file)} uses {', '.join(names[:3])}, which is not in the checkout: a patch for it is"
                " printed by: oomreport recommend -o kustomize"
            )
        return ""

    def _marked(self, target: Target) -> Iterator[MemoryLocation]:
        own = [one for one in self.markers if one.is_about(target)]
        by_field = {field: [one for one in own if one.is_for(target, field)] for field in (LIMIT, REQUEST)}
        if any(len(some) > 1 for some in by_field.values()):
            for one in own:
                yield MemoryLocation(
                    shown=self._at(one.file, one.line),
                    namespace=target.namespace,
                    found=_by_marker(one.file, [one], target),
                )
        elif own:
            yield MemoryLocation(
                shown=self._at(own[0].file, own[0].line),
                namespace=target.namespace,
                found=_by_marker(own[0].file, own, target),
            )

    def _mapped(self, target: Target) -> Iterator[MemoryLocation]:
        own = [one for one in self.mapped if one.is_for(target)]
        exact = [one for one in own if one.namespace is not None]
        for one in exact or own:
            yield MemoryLocation(shown=one.file, namespace=one.namespace, found=_by_mapping(self.files, one))

    def _defined(self, target: Target) -> Iterator[MemoryLocation]:
        locations = [*self._made(target), *self._plain(target), *self._templated(target)]
        exact = [location for location in locations if location.namespace is not None]
        yield from exact or locations

    def _made(self, target: Target) -> Iterator[MemoryLocation]:
        for file, objects in self.tree.made.items():
            for made in objects:
                if not made.is_(target):
                    continue
                by, value = made.effective(target, LIMIT)
                if isinstance(value, Absent) and not has_container(made.manifest, target):
                    continue
                overlay = Overlay(kustomization=self.tree.known[file], made=made, target=target)
                yield MemoryLocation(
                    shown=self._at(
                        by.file, value.line if isinstance(value, Scalar) else 1 + int(by.node.start_mark.line)
                    ),
                    namespace=made.namespace,
                    found=_by_kustomization(overlay),
                    overlays=(overlay,),
                )

    def _plain(self, target: Target) -> Iterator[MemoryLocation]:
        for one in self.manifests:
            namespace = one.namespace or self.default_namespace
            fits = one.is_kind_of(target) and one.name == target.name and namespace in (None, target.namespace)
            if fits and has_container(one, target):
                yield MemoryLocation(
                    shown=self._at(one.file, one.line), namespace=namespace, found=_by_manifest(one, target)
                )

    def _templated(self, target: Target) -> Iterator[MemoryLocation]:
        for one in self.templates:
            if one.defines(target):
                barred = Barred(reason="comes from a template", overridable=False)
                found = Found(file=one.file, value=barred)
                yield MemoryLocation(shown=self.files.shown(one.file), namespace=None, found=_always(found))

    def _at(self, file: str, line: int) -> str:
        return f"{self.files.shown(file)}:{line}"


def _distinct(locations: Iterable[MemoryLocation]) -> list[MemoryLocation]:
    found: list[MemoryLocation] = []
    for location in locations:
        same = next((number for number, one in enumerate(found) if one.is_same(location)), None)
        if same is None:
            found.append(location)
        else:
            found[same] = replace(found[same], overlays=(*found[same].overlays, *location.overlays))
    return found


def _by_marker(file: str, markers: Sequence[Marker], target: Target) -> Callable[[Field], Found]:
    values: Mapping[str, Marker] = {
        field.name: one for one in markers for field in (LIMIT, REQUEST) if one.is_for(target, field)
    }

    def found(field: Field) -> Found:
        one = values.get(field.name)
        if one is None:
            return Found(file=file, value=Absent(at=f"a line marked as the {field.name}"))
        return Found(file=one.file, value=one.found, around=one.around)

    return found


def _by_mapping(files: Files, mapped: ValuesMapping) -> Callable[[Field], Found]:
    def found(field: Field) -> Found:
        file, value = mapped.looked(files, field)
        return Found(file=file, value=value)

    return found


def _by_kustomization(overlay: Overlay) -> Callable[[Field], Found]:
    def found(field: Field) -> Found:
        by, value = overlay.made.effective(overlay.target, field)
        return Found(file=by.file, value=value, around=by.around if isinstance(by, Patch) else None)

    return found


def _by_manifest(manifest: Manifest, target: Target) -> Callable[[Field], Found]:
    return _always_of(manifest.file, lambda field: looked(manifest.source, manifest.node, target, field))


def _always_of(file: str, value: Callable[[Field], Looked]) -> Callable[[Field], Found]:
    return lambda field: Found(file=file, value=value(field))


def _always(found: Found) -> Callable[[Field], Found]:
    return lambda _: found
