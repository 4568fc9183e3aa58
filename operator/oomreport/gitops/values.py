"""Mappings from a workload's memory to a line of Helm values.

Helm's templates are programs, so nobody can tell which value becomes whose memory: a person has to say it. Either a
file `.oomreport.yaml` in the checkout says it:

    values:
    - workload: Deployment/web
      namespace: shop                    # left out: any
      container: api                     # left out: the pod (spec.resources)
      file: charts/web/values.yaml       # relative to this file
      resources: api.resources           # or the two one by one:
      limit: api.memoryLimit
      request: api.memoryRequest

or an annotation of the workload, which names the file and the block of resources in it. Reports carry it on:

    values.oomreport.dev/api: charts/web/values.yaml#api.resources

Who may edit a workload writes such an annotation, and need not be who may change the file. So it counts only where a
configuration file lets it:

    annotations: {shop: charts/shop}     # those of namespace shop, for files below this folder
    annotations: true                    # those of every namespace, for files below this file's folder

A path is dotted. `[2]` is the third item of a list, `[api]` the item with this name; a backslash stands before a dot
that belongs to a key. A JSON pointer (RFC 6901) works too. Any YAML file can be mapped: a HelmRelease of Flux, an
Application of Argo CD.
"""

import os.path
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from oomreport.errors import InputUnreadable
from oomreport.gitops.advice import Advice, Target
from oomreport.gitops.files import Files
from oomreport.gitops.lookup import Absent, Barred, Looked, NamedItem, Step, look
from oomreport.gitops.manifest import LIMIT, REQUEST, Field

CONFIGURATION = ".oomreport.yaml"
ANNOTATION_PREFIX = "values.oomreport.dev/"
_STEP = re.compile(r"\[([^\]]+)\]|((?:\\.|[^.\[\\])+)")
# No list is longer, and Python refuses to read a number of more than 4300 digits.
_MOST_DIGITS = 9
_KNOWN = frozenset({"workload", "namespace", "container", "file", "resources", "limit", "request"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationLeave:
    """That annotations may name files below `folder`: those of a namespace, or of all where it is None."""

    namespace: str | None
    folder: str

    def is_for(self, mapping: "ValuesMapping") -> bool:
        """Return whether a mapping by annotation is let."""
        file = os.path.normpath(os.path.join(mapping.folder, mapping.file))  # noqa: PTH118 - no file system here
        below = os.path.normpath(self.folder).rstrip("/") + "/"
        return self.namespace in (None, mapping.namespace) and file.startswith(below)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesMapping:
    """The place of a container's memory in a values file. `file` is relative to `folder`."""

    kind: str
    name: str
    namespace: str | None
    container: str | None
    folder: str
    file: str
    limit: tuple[Step, ...] | None
    request: tuple[Step, ...] | None

    def is_for(self, target: Target) -> bool:
        """Return whether it is about a target."""
        own = (self.kind, self.name, self.container)
        return own == (target.kind, target.name, target.container) and self.namespace in (None, target.namespace)

    def way(self, field: Field) -> tuple[Step, ...] | None:
        """Return the path of a value in the file."""
        return self.limit if field == LIMIT else self.request

    def looked(self, files: Files, field: Field) -> tuple[str, Looked]:
        """Return the file and the value in it."""
        path = files.joined(self.folder, self.file)
        source = files.yaml(path) if path else None
        way = self.way(field)
        if path is None or source is None:
            return self.file, Barred(
                reason=f"is mapped to {self.file}, which is not there or no text", overridable=False
            )
        if way is None:
            return path, Absent(at=f"a mapping of the {field.name}")
        found = [look(source, root, way) for root in source.roots]
        some = [one for one in found if not isinstance(one, Absent)]
        if len(some) > 1:
            return path, Barred(reason="is in several documents of the file", overridable=False)
        if source.problem and not some:
            return path, Barred(reason=f"is in a file that cannot be read as YAML: {source.problem}", overridable=False)
        return path, some[0] if some else found[0] if found else Absent(at=str(way[0]))


def mappings_in(data: object, where: str, folder: str) -> Iterator[ValuesMapping | AnnotationLeave]:
    """Yield the entries of a configuration file. Raises InputUnreadable, which says which entry is wrong."""
    if data is None:
        return
    known = {"values", "annotations"}
    if not isinstance(data, dict) or set(data) - known or not isinstance(data.get("values") or [], list):
        raise InputUnreadable(f"{where}: is to be a mapping: values, a list of entries, and annotations")
    for number, entry in enumerate(data.get("values") or [], 1):
        yield _entry(entry, f"{where}: entry {number}", folder)
    yield from _leaves(data.get("annotations"), where, folder)


def _leaves(said: object, where: str, folder: str) -> Iterator[AnnotationLeave]:
    if said is True:
        yield AnnotationLeave(namespace=None, folder=folder)
    elif isinstance(said, dict) and all(isinstance(text, str) for pair in said.items() for text in pair):
        for namespace, below in said.items():
            place = os.path.join(folder, below)  # noqa: PTH118 - no file system here
            yield AnnotationLeave(namespace=namespace, folder=place)
    elif said not in (None, False):
        raise InputUnreadable(f"{where}: annotations is to be true, or a folder for each namespace")


def mapping_by_report(advice: Advice, folder: str) -> ValuesMapping | None:
    """Return what the workload's annotation says of a report's container; None where there is none."""
    said = advice.annotations.get(f"{ANNOTATION_PREFIX}{advice.container}")
    if not isinstance(said, str) or advice.target.container is None:
        return None
    file, _, path = said.partition("#")
    at = f"annotation {ANNOTATION_PREFIX}{advice.container} of {advice.namespace} {advice.kind}/{advice.workload}"
    above = steps_of(path or "resources", at)
    return ValuesMapping(
        kind=advice.kind,
        name=advice.workload,
        namespace=advice.namespace,
        container=advice.container,
        folder=folder,
        file=file,
        limit=(*above, *LIMIT.keys[1:]),
        request=(*above, *REQUEST.keys[1:]),
    )


def steps_of(path: str, at: str) -> tuple[Step, ...]:
    """Return the steps of a path. Raises InputUnreadable where it is none."""
    if path.startswith("/"):
        return tuple(
            int(token) if _is_number(token) else token.replace("~1", "/").replace("~0", "~")
            for token in path[1:].split("/")
        )
    steps: list[Step] = []
    place = 0
    while place < len(path):
        match = _STEP.match(path, place)
        if match is None:
            break
        item, key = match.groups()
        if item is not None:
            steps.append(int(item) if _is_number(item) else NamedItem(name=item))
        else:
            steps.append(re.sub(r"\\(.)", r"\1", key))
        place = match.end()
        if path[place : place + 1] == "." and place + 1 < len(path):
            place += 1
    if not steps or place < len(path):
        raise InputUnreadable(f"{at}: {path!r} is no path; write it as web.resources or containers[0].resources")
    return tuple(steps)


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= _MOST_DIGITS


def _entry(entry: object, at: str, folder: str) -> ValuesMapping:
    if not isinstance(entry, dict):
        raise InputUnreadable(f"{at}: is no mapping")
    if unknown := sorted(str(key) for key in set(entry) - _KNOWN):
        raise InputUnreadable(f"{at}: unknown {', '.join(unknown)}; known are {', '.join(sorted(_KNOWN))}")
    texts = {key: value for key, value in entry.items() if value is not None}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise InputUnreadable(f"{at}: {key} is to be a text, not {value!r}")
    kind, slash, name = texts.get("workload", "").partition("/")
    if not (kind and slash and name):
        raise InputUnreadable(f"{at}: workload is to be Kind/name, as Deployment/web")
    if not texts.get("file"):
        raise InputUnreadable(f"{at}: file is missing")
    ways = dict(_ways(texts, at))
    if not ways:
        raise InputUnreadable(f"{at}: resources is missing, or limit and request")
    return ValuesMapping(
        kind=kind,
        name=name,
        namespace=texts.get("namespace"),
        container=texts.get("container"),
        folder=folder,
        file=texts["file"],
        limit=ways.get(LIMIT),
        request=ways.get(REQUEST),
    )


def _ways(texts: Mapping[str, str], at: str) -> Iterator[tuple[Field, tuple[Step, ...]]]:
    if "resources" in texts:
        above = steps_of(texts["resources"], f"{at}: resources")
        for field in (LIMIT, REQUEST):
            yield field, (*above, *field.keys[1:])
    for field in (LIMIT, REQUEST):
        if field.name in texts:
            yield field, steps_of(texts[field.name], f"{at}: {field.name}")
