"""YAML with the place of every scalar in its text.

So one scalar can be replaced and every other byte stays. PyYAML tells where an event begins and ends; an event begins
at its anchor and tag, its token at the value itself. Marks count characters, so the text is read without any change:
CRLF and a byte order mark are characters like others.

A stream that does not parse as a whole (one of its documents is a template) is read document by document. `---` at the
start of a line always begins a document, also within a quoted or block scalar.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from yaml.tokens import ScalarToken

_BOUNDARY = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)


class Scalar(yaml.ScalarNode):
    """A scalar and the place of its value in the text, quotes included. Both are 0 where nothing is written."""

    begin: int = 0
    end: int = 0

    @property
    def line(self) -> int:
        """Return its line, counted from 1."""
        return int(self.start_mark.line) + 1


class Alias(Scalar):
    """`*name`: a value that is written elsewhere. `target` is that node, `value` its text where it is a scalar."""

    name: str = ""
    target: yaml.Node | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A part of the text that was parsed at once: the whole text, or one document of it; with its place."""

    begin: int
    end: int
    roots: tuple[yaml.Node, ...] = ()
    problem: str | None = None


@dataclass(slots=True, kw_only=True)
class YamlText:
    """A text and its documents. `aliased` holds the nodes (by id) that an alias refers to."""

    text: str
    units: tuple[Unit, ...] = ()
    aliased: set[int] = field(default_factory=set)
    tokens: list[tuple[int, Scalar]] = field(default_factory=list)
    newlines: list[int] = field(default_factory=list, repr=False)

    @property
    def roots(self) -> Iterator[yaml.Node]:
        """Yield the documents that could be read."""
        for unit in self.units:
            yield from unit.roots

    @property
    def is_json(self) -> bool:
        """Return whether it is JSON, where every text has quotes."""
        if not self.text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
            return False
        try:
            json.loads(self.text.lstrip("\ufeff"))
        except (ValueError, RecursionError):
            return False
        return True

    @property
    def problem(self) -> str | None:
        """Return why a document could not be read."""
        return next((unit.problem for unit in self.units if unit.problem), None)

    def written(self, node: yaml.Node) -> str:
        """Return the text of a node."""
        if isinstance(node, Scalar):
            return self.text[node.begin : node.end]
        return self.text[node.start_mark.index : node.end_mark.index]

    def unit_of(self, place: int) -> Unit:
        """Return the part that a place was parsed with."""
        return self.units[max(bisect_right(self.units, place, key=lambda unit: unit.begin) - 1, 0)]

    def lines_before(self, place: int) -> int:
        """Return how many lines end before a place. To count anew for each place would be quadratic."""
        if not self.newlines:
            self.newlines.extend(match.start() for match in re.finditer("\n", self.text))
        return bisect_left(self.newlines, place)


# A CRD's schema has some 30 levels, a workload 10.
_MOST_FLOW_LEVELS = 100


class _Loader(yaml.SafeLoader):
    """Composes nodes with the places of scalars; an alias stays one, so that nothing is expanded."""

    def __init__(self, text: str, begin: int, end: int, line: int) -> None:
        super().__init__(text[begin:end])
        # Marks are to be those of the whole text.
        self.index = begin
        self.line = line
        self.aliased: set[int] = set()
        self.scalars: list[Scalar] = []
        self._token: ScalarToken | None = None

    def fetch_flow_collection_start(self, token_class: object) -> None:
        """Refuse what PyYAML's scanner takes quadratic time for: it looks at every open level for each token."""
        if self.flow_level >= _MOST_FLOW_LEVELS:
            raise yaml.YAMLError(f"more than {_MOST_FLOW_LEVELS} levels of brackets in each other")
        super().fetch_flow_collection_start(token_class)

    def get_token(self) -> object:
        token = super().get_token()  # type: ignore[no-untyped-call]
        if isinstance(token, ScalarToken):
            self._token = token
        return token

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node:
        # As PyYAML does it, but for aliases, and an anchor may be defined again (YAML 1.2, 7.1).
        if self.check_event(yaml.AliasEvent):
            return self._alias()
        anchor = self.peek_event().anchor  # type: ignore[no-untyped-call]
        self.descend_resolver(parent, index)
        node: yaml.Node
        if self.check_event(yaml.ScalarEvent):
            node = self._scalar(anchor)
        elif self.check_event(yaml.SequenceStartEvent):
            node = self.compose_sequence_node(anchor)
        else:
            node = self.compose_mapping_node(anchor)
        self.ascend_resolver()
        return node

    def _alias(self) -> Alias:
        event = self.get_event()  # type: ignore[no-untyped-call]
        target = self.anchors.get(event.anchor)
        if target is None:
            raise yaml.composer.ComposerError(None, None, f"found undefined alias {event.anchor!r}", event.start_mark)
        self.aliased.add(id(target))
        value = target.value if isinstance(target, yaml.ScalarNode) else ""
        node = Alias("", value, event.start_mark, event.end_mark)
        node.begin, node.end = event.start_mark.index, event.end_mark.index
        node.name, node.target = event.anchor, target
        return node

    def _scalar(self, anchor: str | None) -> Scalar:
        end = self.peek_event().end_mark.index  # type: ignore[no-untyped-call]
        found = self.compose_scalar_node(anchor)  # type: ignore[arg-type]
        node = Scalar(found.tag, found.value, found.start_mark, found.end_mark, found.style)
        if self._token is not None and self._token.end_mark.index == end:
            node.start_mark = self._token.start_mark
            node.begin, node.end = self._token.start_mark.index, end
            self.scalars.append(node)
        if anchor is not None:
            self.anchors[anchor] = node
        return node


def read_yaml(text: str) -> YamlText:
    """Return the documents of a text; never raises: `problem` says what could not be read."""
    found = YamlText(text=text)
    whole = _unit(found, 0, len(text))
    if whole.problem is None:
        found.units = (whole,)
        return found
    begins = [0, *(match.start() for match in _BOUNDARY.finditer(text) if match.start())]
    if len(begins) == 1:
        found.units = (whole,)
        return found
    found.tokens.clear()
    ends = [*begins[1:], len(text)]
    found.units = tuple(_unit(found, begin, end) for begin, end in zip(begins, ends, strict=True))
    return found


def read_inside(source: YamlText, begin: int, end: int) -> YamlText:
    """Return the documents of a part of a text, such as a block scalar; places are those in the whole text."""
    found = YamlText(text=source.text, newlines=source.newlines)
    found.units = (_unit(found, begin, end),)
    return found


def events_of(text: str, begin: int, end: int) -> list[yaml.Event]:
    """Return the events of a part of a text; places are those in the whole. Raises yaml.YAMLError."""
    loader = _Loader(text, begin, end, text.count("\n", 0, begin))
    found: list[yaml.Event] = []
    while loader.check_event():
        found.append(loader.get_event())  # type: ignore[no-untyped-call]
    return found


def _unit(found: YamlText, begin: int, end: int) -> Unit:
    try:
        # The reader refuses characters that YAML does not allow.
        loader = _Loader(found.text, begin, end, found.lines_before(begin))
        roots: list[yaml.Node] = []
        while loader.check_node():
            root = loader.get_node()
            roots += [root] if root is not None else []
    except yaml.YAMLError as error:
        return Unit(begin=begin, end=end, problem=" ".join(str(error).split()))
    except (RecursionError, ValueError) as error:
        return Unit(begin=begin, end=end, problem=f"too deep, or not legible: {type(error).__name__}")
    found.aliased |= loader.aliased
    found.tokens += [(node.end, node) for node in loader.scalars]
    return Unit(begin=begin, end=end, roots=tuple(roots))
