"""Marked lines: a comment names the memory that the line sets.

The form is that of the setters of Flux's image automation:

    memory: 256Mi   # {"$oomreport": "shop:Deployment/web:api:limit"}

It names namespace, workload, container, and limit or request. Without a container it is the pod's (spec.resources):

    memory: 1Gi     # {"$oomreport": "shop:Deployment/web:limit"}
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from oomreport.gitops.advice import Target
from oomreport.gitops.lookup import Barred, Looked, look
from oomreport.gitops.manifest import LIMIT, REQUEST, Field
from oomreport.gitops.yaml_text import Scalar, YamlText, read_inside

KEY = "$oomreport"
# The names in a mark have at most 63 + 253 + 63 characters.
_MARK = re.compile(r'#[ \t]*(\{[^\r\n#]{0,100}"\$oomreport"[^\r\n]{0,500}\})[ \t]*(?=\r|\n|\Z)')
_CLOSERS = re.compile(r"[ \t,\]}]*[ \t]")
# The text of a block by its begin, and the ends of the scalars in it.
_Blocks = dict[int, tuple[YamlText, list[int]]]
_FIELDS = {field.name: field for field in (LIMIT, REQUEST)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A marked line. `words` is the text of the mark; `around` is the block scalar that holds the line."""

    file: str
    line: int
    words: str
    found: Looked
    around: Scalar | None = None

    def is_for(self, target: Target, field: Field) -> bool:
        """Return whether it marks this value of a target."""
        return self._parts == (target.namespace, f"{target.kind}/{target.name}", target.container, field)

    def is_about(self, target: Target) -> bool:
        """Return whether it marks any value of a target."""
        return any(self.is_for(target, field) for field in (LIMIT, REQUEST))

    @property
    def problem(self) -> str | None:
        """Return what is wrong with the mark."""
        if self._parts is None:
            return f"{self.words!r} is not namespace:Kind/name:container:limit, or :request"
        return None

    @property
    def _parts(self) -> tuple[str, str, str | None, Field] | None:
        parts = self.words.split(":")
        if len(parts) not in (3, 4) or not all(parts) or parts[-1] not in _FIELDS:
            return None
        container = parts[2] if len(parts) == 4 else None
        return parts[0], parts[1], container, _FIELDS[parts[-1]]


def markers_in(file: str, source: YamlText) -> Iterator[Marker]:
    """Yield the marked lines of a file."""
    if KEY not in source.text:
        return
    ends = [end for end, _ in source.tokens]
    blocks: _Blocks = {}
    for match in _MARK.finditer(source.text):
        words = _words(match[1])
        if words is None:
            continue
        line = source.lines_before(match.start()) + 1
        found, around = _marked(source, ends, match.start(), blocks)
        yield Marker(file=file, line=line, words=words, found=found, around=around)


def _words(text: str) -> str | None:
    try:
        said = json.loads(text)
    except ValueError:
        return None
    words = said.get(KEY) if isinstance(said, dict) else None
    return words if isinstance(words, str) else None


def _marked(source: YamlText, ends: list[int], comment: int, blocks: _Blocks) -> tuple[Looked, Scalar | None]:
    """Return the value that a mark is for, and the block around it; `blocks` are those read before, by their begin."""
    place = bisect_right(ends, comment)
    following = source.tokens[place][1] if place < len(ends) else None
    if following is not None and following.begin <= comment:
        return _inside(source, following, comment, blocks)
    scalar = source.tokens[place - 1][1] if place else None
    unit = source.unit_of(comment)
    start = source.text.rfind("\n", 0, comment) + 1
    line = source.text[start:comment]
    if "{{" in line or "${" in line:
        return Barred(reason=f"comes from a template: {line.strip()}", overridable=False), None
    if scalar is None or scalar.begin < start or not _CLOSERS.fullmatch(source.text[scalar.end : comment]):
        if unit.problem:
            return Barred(reason=f"is in a document that cannot be read: {unit.problem}", overridable=False), None
        return Barred(reason="is not on the marked line", overridable=False), None
    return look(source, scalar, ()), None


def _inside(source: YamlText, block: Scalar, comment: int, blocks: _Blocks) -> tuple[Looked, Scalar | None]:
    """Return the value of a mark in a literal block, such as an inline patch."""
    if block.style != "|":
        return Barred(reason="is a text that contains a mark, not a value that has one", overridable=False), None
    if block.begin not in blocks:
        read = read_inside(source, source.text.index("\n", block.begin) + 1, block.end)
        blocks[block.begin] = read, [end for end, _ in read.tokens]
    inside, inner_ends = blocks[block.begin]
    found, deeper = _marked(inside, inner_ends, comment, blocks)
    if deeper is not None:
        return Barred(reason="is in a block in a block", overridable=False), None
    return found, block
