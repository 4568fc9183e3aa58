"""The objects that kustomizations build: names, namespaces and patches.

This is no second kustomize. It follows resources, bases, components, namespace, namePrefix, nameSuffix and patches. It
does not follow generators, transformers, replacements and Helm charts. A comparison with the limit that the report saw
shows whether the value found is the one in the cluster.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import yaml

from oomreport.gitops.advice import Target
from oomreport.gitops.files import Files
from oomreport.gitops.lookup import Absent, Looked, items, sequence, text_at
from oomreport.gitops.manifest import Field, Manifest, looked, manifests_in
from oomreport.gitops.patch import Patch, patches_of
from oomreport.gitops.yaml_text import Scalar, YamlText

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_NOT_FOLLOWED = ("helmCharts", "helmChartInflationGenerator", "generators", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kustomization:
    """A kustomization file."""

    file: str
    folder: str
    source: YamlText
    root: yaml.Node

    def listed(self, *keys: str) -> list[str]:
        """Return the names in lists such as resources."""
        fields = items(self.root)
        return [one.value for key in keys for one in sequence(fields.get(key)) if isinstance(one, Scalar)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltObject:
    """An object as a kustomization builds it, with the patches in the order in which they are applied.

    `inner_name` and `inner_namespace` are those that the kustomization's own patches use.
    """

    manifest: Manifest
    name: str
    namespace: str | None
    names: frozenset[str]
    inner_name: str
    inner_namespace: str | None
    patches: tuple[Patch, ...] = ()

    def is_(self, target: Target) -> bool:
        """Return whether this is the target, in its namespace or without a namespace."""
        return (
            self.manifest.is_kind_of(target) and self.name == target.name and self.namespace in (None, target.namespace)
        )

    def effective(self, target: Target, field: Field) -> tuple[Manifest | Patch, Looked]:
        """Return what sets a value last, and the value there; Absent where nothing sets it."""
        for patch in reversed(self.patches):
            found = patch.looked(self.manifest, target, field)
            if not isinstance(found, Absent):
                return patch, found
        return self.manifest, looked(self.manifest.source, self.manifest.node, target, field)


@dataclass(slots=True, kw_only=True)
class Tree:
    """All kustomizations of a checkout. `made` holds, by file, the objects of those that no other kustomization uses.

    `used` are the files that kustomizations use. `unfollowed` are the resources that are not in the checkout or not
    followed.
    """

    files: Files
    known: dict[str, Kustomization]
    made: dict[str, tuple[BuiltObject, ...]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    unfollowed: dict[str, list[str]] = field(default_factory=dict)
    _patches: dict[str, tuple[Patch, ...]] = field(default_factory=dict)

    def patches(self, one: Kustomization) -> tuple[Patch, ...]:
        """Return the patches of a kustomization, in the order in which they are applied."""
        if one.file not in self._patches:
            self._patches[one.file] = tuple(patches_of(self.files, one.folder, one.file, one.source, one.root))
        return self._patches[one.file]

    def outermost(self) -> Iterable[Kustomization]:
        """Yield the kustomizations that no other one uses, and that make objects by themselves."""
        inner = {path for one in self.known.values() for path in self._folders(one)}
        for one in self.known.values():
            if one.folder not in inner and text_at(one.root, "kind") != "Component":
                yield one

    def _folders(self, one: Kustomization) -> Iterable[str]:
        for name in one.listed("resources", "bases", "components"):
            path = self.files.joined(one.folder, name)
            if path and self.files.is_folder(path):
                yield path


def kustomization_in(files: Files, folder: str) -> Kustomization | None:
    """Return the kustomization of a folder; None where it has none that can be read."""
    for name in NAMES:
        path = files.joined(folder, name)
        source = files.yaml(path) if path else None
        root = next(source.roots, None) if source else None
        if path and source and root is not None:
            return Kustomization(file=path, folder=folder, source=source, root=root)
    return None


def tree_of(files: Files, folders: Iterable[str]) -> Tree:
    """Return the kustomizations of folders with the objects that they build."""
    found = (kustomization_in(files, folder) for folder in folders)
    tree = Tree(files=files, known={one.file: one for one in found if one is not None})
    for one in tree.known.values():
        # Patches, and resources of components and of inner kustomizations, are no manifests of their own.
        tree.used |= {patch.file for patch in tree.patches(one)}
        tree.used |= {path for name in one.listed("resources") if (path := files.joined(one.folder, name))}
        tree.used.add(one.file)
    for one in tree.outermost():
        tree.unfollowed[one.file] = []
        made = _made(tree, one, tree.unfollowed[one.file], ())
        if tree.unfollowed[one.file]:
            made = (*made, *_patched_only(tree, one, made))
        tree.made[one.file] = made
    return tree


def _patched_only(tree: Tree, one: Kustomization, made: Iterable[BuiltObject]) -> Iterable[BuiltObject]:
    """Yield the objects that come from elsewhere, as far as patches name them."""
    known = [patch.node for each in made for patch in each.patches]
    for patch in tree.patches(one):
        if not patch.in_file or patch.around is not None or any(patch.node is node for node in known):
            continue
        for manifest in manifests_in(patch.file, patch.source):
            if manifest.node is patch.node:
                yield _through(tree, one, _as_written(manifest), patched=False)


def _as_written(manifest: Manifest) -> BuiltObject:
    return BuiltObject(
        manifest=manifest,
        name=manifest.name,
        namespace=manifest.namespace,
        names=frozenset({manifest.name}),
        inner_name=manifest.name,
        inner_namespace=manifest.namespace,
    )


def _made(tree: Tree, one: Kustomization, unfollowed: list[str], above: tuple[str, ...]) -> tuple[BuiltObject, ...]:
    """Return the objects of a kustomization; `above` are the folders that led to it and may not be used again."""
    above = (*above, one.folder)
    objects = list(_resources(tree, one, unfollowed, above))
    fields = items(one.root)
    unfollowed += [f"{key} of {tree.files.shown(one.file)}" for key in _NOT_FOLLOWED if key in fields]
    for name in one.listed("components"):
        path = tree.files.joined(one.folder, name)
        component = kustomization_in(tree.files, path) if path and path not in above else None
        if component is None:
            unfollowed.append(name)
            continue
        objects += _resources(tree, component, unfollowed, (*above, component.folder))
        objects = [_through(tree, component, made) for made in objects]
    return tuple(_through(tree, one, made) for made in objects)


def _resources(tree: Tree, one: Kustomization, unfollowed: list[str], above: tuple[str, ...]) -> Iterable[BuiltObject]:
    for name in one.listed("resources", "bases"):
        path = tree.files.joined(one.folder, name)
        if path is None or path in above:
            unfollowed.append(name)
            continue
        if tree.files.is_folder(path):
            inner = kustomization_in(tree.files, path)
            if inner is None:
                unfollowed.append(name)
            else:
                yield from _made(tree, inner, unfollowed, above)
            continue
        tree.used.add(path)
        source = tree.files.yaml(path)
        for manifest in manifests_in(path, source) if source else ():
            yield _as_written(manifest)


def _through(tree: Tree, one: Kustomization, made: BuiltObject, *, patched: bool = True) -> BuiltObject:
    """Return an object after the patches, the namespace and the affixes of a kustomization."""
    patches = tree.patches(one) if patched else ()
    own = tuple(patch for patch in patches if patch.is_for(made.manifest, made.names, made.namespace))
    prefix, suffix = (text_at(one.root, key) or "" for key in ("namePrefix", "nameSuffix"))
    name = f"{prefix}{made.name}{suffix}"
    return replace(
        made,
        patches=(*made.patches, *own),
        inner_name=made.name,
        inner_namespace=made.namespace,
        namespace=text_at(one.root, "namespace") or made.namespace,
        name=name,
        names=made.names | {name},
    )


def same_place(one: tuple[str, Looked], other: tuple[str, Looked]) -> bool:
    """Return whether two values are written in the same place of the same file."""
    return (
        isinstance(one[1], Scalar)
        and isinstance(other[1], Scalar)
        and (one[0], one[1].begin, one[1].end) == (other[0], other[1].begin, other[1].end)
    )


def users(
    made: Mapping[str, Iterable[BuiltObject]], file: str, scalar: Scalar, target: Target, field: Field
) -> list[BuiltObject]:
    """Return all objects whose value is written in one place, of any name and namespace."""
    found = []
    for objects in made.values():
        for one in objects:
            if one.manifest.kind != target.kind:
                continue
            by, value = one.effective(target, field)
            if same_place((by.file, value), (file, scalar)):
                found.append(one)
    return found
