"""The edits of a checkout, and the outcome of each recommendation."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from oomreport.errors import EditRefused
from oomreport.gitops.advice import Advice
from oomreport.gitops.decision import EditOutcome, EditState, decided
from oomreport.gitops.files import Files
from oomreport.gitops.kustomize import tree_of
from oomreport.gitops.location import CheckoutManifests, Template
from oomreport.gitops.manifest import Field, manifests_in
from oomreport.gitops.marker import markers_in
from oomreport.gitops.overlay import Overlay, newline_of, with_patches
from oomreport.gitops.text_edit import with_scalars
from oomreport.gitops.values import ValuesMapping
from oomreport.gitops.yaml_text import YamlText, read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`texts` are files with their new text, `created` those that are new.

    `notes` are remarks on the files for people.
    """

    texts: dict[str, str]
    created: dict[str, str]
    outcomes: tuple[EditOutcome, ...]
    notes: tuple[str, ...] = ()


def manifests_of(
    files: Files,
    paths: Sequence[str],
    folders: Iterable[str],
    mapped: Sequence[ValuesMapping],
    default_namespace: str | None = None,
) -> CheckoutManifests:
    """Return the manifests in `paths`; `folders` are those that can hold a kustomization."""
    tree = tree_of(files, folders)
    read = ((path, files.yaml(path)) for path in paths)
    sources = [(path, source) for path, source in read if source is not None]
    return CheckoutManifests(
        files=files,
        tree=tree,
        manifests=[one for path, source in sources if path not in tree.used for one in manifests_in(path, source)],
        markers=[marker for path, source in sources for marker in markers_in(path, source)],
        mapped=mapped,
        templates=[one for path, source in sources for one in _templates(path, source)],
        default_namespace=default_namespace,
    )


def plan_of(manifests: CheckoutManifests, advice: Iterable[Advice], *, accepted_only: bool) -> Plan:
    """Return the edits that recommendations ask for."""
    outcomes = [one for each in advice for one in decided(manifests, each, accepted_only=accepted_only)]
    outcomes = _without_conflicts(outcomes)
    texts: dict[str, str] = {}
    created: dict[str, str] = {}
    for file in dict.fromkeys(one.file for one in outcomes if one.file):
        own = [one for one in outcomes if one.file == file and one.state is EditState.CHANGED]
        source = manifests.files.yaml(file)
        assert source is not None
        try:
            text, new = _edited(manifests, source, own)
        except EditRefused as error:
            outcomes = _with_refusals(outcomes, own, f"{manifests.files.shown(file)}: {error}")
            continue
        if text != source.text:
            texts[file] = text
        created |= new
    # A recommendation is applied in full or not at all: where one file refuses, edits in others are undone.
    refused = {id(one.advice) for one in outcomes if one.state is EditState.REFUSED}
    half = [one for one in outcomes if one.state is EditState.CHANGED and id(one.advice) in refused]
    if half:
        left = [each.advice for each in outcomes if id(each.advice) not in refused]
        again = plan_of(manifests, {id(one): one for one in left}.values(), accepted_only=accepted_only)
        kept = [one for one in outcomes if one.state is EditState.REFUSED]
        return replace(again, outcomes=(*again.outcomes, *kept))
    notes = [f"{manifests.files.shown(one.file)}:{one.line}: {one.problem}" for one in manifests.markers if one.problem]
    return Plan(texts=texts, created=created, outcomes=tuple(outcomes), notes=tuple(notes))


def _edited(
    manifests: CheckoutManifests, source: YamlText, outcomes: Sequence[EditOutcome]
) -> tuple[str, dict[str, str]]:
    splices = {one.edit.begin: one.edit for one in outcomes if one.edit}
    text = with_scalars(source, list(splices.values())) if splices else source.text
    overlays: dict[tuple[str, str], Overlay] = {}
    values: dict[tuple[str, str], dict[Field, str]] = defaultdict(dict)
    for one in outcomes:
        if one.overlay is not None and one.field is not None:
            key = (one.overlay.kustomization.folder, one.overlay.file_name)
            overlays[key] = one.overlay
            values[key][one.field] = one.new or ""
    if not overlays:
        return text, {}
    for folder, name in overlays:
        if manifests.files.joined(folder, name) is not None:
            raise EditRefused(f"{name} is there already and no kustomization uses it")
    text = with_patches(read_yaml(text), [name for _, name in overlays])
    newline = newline_of(source.text)
    return text, {f"{key[0]}/{key[1]}": overlay.patch(values[key], newline) for key, overlay in overlays.items()}


def _without_conflicts(outcomes: list[EditOutcome]) -> list[EditOutcome]:
    """Return outcomes in which no two recommendations want different values in one place."""
    wanted: dict[tuple[str, object], list[EditOutcome]] = defaultdict(list)
    for one in outcomes:
        if one.edit is not None and one.file is not None:
            wanted[(one.file, one.edit.begin)].append(one)
        elif one.overlay is not None:
            key = f"{one.overlay.kustomization.folder}/{one.overlay.file_name}"
            wanted[(key, one.field and one.field.name)].append(one)
    for some in wanted.values():
        if len({one.new for one in some}) > 1:
            names = ", ".join(f"{one.advice.namespace}/{one.advice.name} {one.new}" for one in some)
            outcomes = _with_refusals(outcomes, some, f"{some[0].where} is asked for by several reports: {names}")
    return outcomes


def _with_refusals(outcomes: list[EditOutcome], some: Sequence[EditOutcome], why: str) -> list[EditOutcome]:
    """Return outcomes in which all values of some recommendations are refused, each recommendation once."""
    refused = {id(one.advice) for one in some}
    found: list[EditOutcome] = []
    said: set[int] = set()
    for one in outcomes:
        if id(one.advice) not in refused:
            found.append(one)
        elif id(one.advice) not in said:
            said.add(id(one.advice))
            found.append(EditOutcome(advice=one.advice, state=EditState.REFUSED, why=why))
    return found


def _templates(path: str, source: YamlText) -> Iterable[Template]:
    for unit in source.units:
        text = source.text[unit.begin : unit.end]
        if unit.problem and "{{" in text:
            yield Template(file=path, text=text)
