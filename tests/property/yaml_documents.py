"""YAML texts as nasty as they come: every style, anchors, tags, comments with tabs, CRLF, breaks of Unicode, BOM."""

from dataclasses import dataclass
from typing import Any

import yaml
from hypothesis import strategies as st

# Of the breaks that YAML 1.1 knows and 1.2 does not, and of what looks like syntax.
_MARKS = (
    "",
    " ",
    "#",
    " #",
    ": ",
    "- ",
    "'",
    '"',
    "\\",
    "{{",
    "}}",
    "*a",
    "&a",
    "!t",
    "%",
    "@",
    "`",
    "---",
    "...",
    "<<",
    "~",
)
_WORDS = ("null", "yes", "1e3", "0x1f", "2026-11-20", "256Mi")
_BREAKS = ("\x85", "\u2028", "\u2029", "\ufeff", "\U0001f4a5", "\u00a0")
NASTY = st.sampled_from([*_MARKS, *_WORDS, *_BREAKS])
PRINTABLE = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufffe\uffff")
TEXTS = st.one_of(
    NASTY,
    st.text(PRINTABLE, max_size=12),
    st.lists(st.one_of(NASTY, st.sampled_from(["\n", "\t", "a"])), max_size=5).map("".join),
)
COMMENTS = st.one_of(
    st.just(""),
    st.text(st.one_of(PRINTABLE, st.just("\t")), max_size=10).map(lambda text: f" #{_one_line(text)}"),
)
STYLES = st.sampled_from(["'", '"', "|", ">", "plain"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text, its line ends already those of the file."""

    text: str


def _one_line(text: str) -> str:
    return "".join(" " if c in "\r\n\x85\u2028\u2029\ufeff" else c for c in text)


class _Styled(str):
    """A text that is to be written in a style."""

    __slots__ = ("anchor", "style", "tag")


class _Flow(list):  # type: ignore[type-arg]
    """A list in flow style."""


class _FlowMap(dict):  # type: ignore[type-arg]
    """A mapping in flow style."""


class _Dumper(yaml.SafeDumper):
    """Writes what the strategies drew; aliases where an object stands twice."""


def _styled(dumper: yaml.SafeDumper, text: _Styled) -> yaml.ScalarNode:
    style = None if text.style == "plain" else text.style
    node = dumper.represent_scalar(text.tag or "tag:yaml.org,2002:str", str(text), style=style)
    # The same object again is an alias.
    dumper.represented_objects[dumper.alias_key] = node
    return node


_Dumper.add_representer(_Styled, _styled)
_Dumper.add_representer(
    _Flow, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)
_Dumper.add_representer(
    _FlowMap, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True)
)
_Dumper.ignore_aliases = lambda self, data: not isinstance(data, _Styled | list | dict)  # type: ignore[method-assign]


@st.composite
def styled(draw: st.DrawFn) -> _Styled:
    text = _Styled(draw(TEXTS))
    text.style = draw(STYLES)
    text.tag = draw(st.sampled_from([None, None, None, "!own"]))
    return text


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.one_of(st.sampled_from(["memory", "limits", "a b", "x#y"]), st.text(PRINTABLE, min_size=1, max_size=6))
    some = st.lists(inner, max_size=4)
    pairs = st.dictionaries(keys, inner, max_size=4)
    return st.one_of(
        some,
        pairs,
        some.map(_Flow),
        pairs.map(_FlowMap),
        inner.map(lambda one: [one, one]),
    )


VALUES = st.recursive(st.one_of(styled(), st.integers(), st.none(), st.booleans()), _containers, max_leaves=10)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A text of one to three documents."""
    options = {
        "indent": draw(st.sampled_from([2, 4, 7])),
        "width": draw(st.sampled_from([20, 80, 1 << 20])),
        "allow_unicode": draw(st.booleans()),
        "explicit_start": draw(st.booleans()),
    }
    values = draw(st.lists(VALUES, min_size=1, max_size=3))
    text = yaml.dump_all(values, Dumper=_Dumper, sort_keys=False, **options)
    text = "".join(draw(_decorated(line)) for line in text.splitlines(keepends=True)) if draw(st.booleans()) else text
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    if draw(st.booleans()):
        text = "\ufeff" + text
    return Document(text=text)


def _decorated(line: str) -> st.SearchStrategy[str]:
    """A line, perhaps with a comment behind it or an empty one after it. Some then mean something else: no matter."""
    body = line.rstrip("\n")
    ended = line.endswith("\n")
    return COMMENTS.map(lambda comment: body + comment + ("\n" if ended else ""))
