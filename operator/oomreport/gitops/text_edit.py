"""One scalar of a YAML text replaced, every other byte kept.

The new text is parsed again, and must be the same but for that value. The quoting style stays where it can hold the
value. Comments are not parsed; no byte outside the scalar is touched.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from oomreport.errors import EditRefused
from oomreport.gitops.yaml_text import Alias, Scalar, Unit, YamlText, events_of

_SIMPLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_BLOCK = ("|", ">")
# At the start of a line these end a document, or begin one.
_MARKERS = ("---", "...")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarEdit:
    """A new value for a scalar. `around` is the block scalar that holds it, as YAML in YAML."""

    scalar: Scalar
    value: str
    around: Scalar | None = None

    @property
    def begin(self) -> int:
        """Return where the text changes."""
        return self.scalar.begin


def with_scalars(source: YamlText, splices: Sequence[ScalarEdit]) -> str:
    """Return the text with scalars replaced. Raises EditRefused where more than these values would change."""
    text = source.text
    ordered = sorted(splices, key=lambda edit: edit.begin)
    words = {edit.begin: rendered(edit.scalar, edit.value, json=source.is_json) for edit in ordered}
    for edit in reversed(ordered):
        text = text[: edit.begin] + words[edit.begin] + text[edit.scalar.end :]
    for unit in source.units:
        _check_unit(source, unit, ordered, words, text)
    return text


def rendered(scalar: Scalar, value: str, *, json: bool = False) -> str:
    """Return a value as it is written in place of a scalar. Raises EditRefused where that is impossible."""
    if isinstance(scalar, Alias) or scalar.end == scalar.begin:
        raise EditRefused("nothing is written there that could be replaced")
    if scalar.style in _BLOCK:
        raise EditRefused(f"line {scalar.line}: the value is a block scalar")
    words = [f"'{value.replace(chr(39), chr(39) * 2)}'"] if value.isprintable() else []
    words.append(_double_quoted(value))
    if json:
        return words[-1]
    if scalar.style == '"':
        words.insert(0, words[-1])
    elif not scalar.style:
        kept = scalar.tag == "tag:yaml.org,2002:str" and _tag(value) != scalar.tag
        words = words if kept else [value, *words]
    return next(one for one in words if _means(one, value))


def _double_quoted(value: str) -> str:
    dumped: str = yaml.dump(value, default_style='"', width=1 << 30, allow_unicode=True)
    return dumped.strip()


def _tag(value: str) -> str:
    tag: str = yaml.SafeLoader("").resolve(yaml.ScalarNode, value, (True, False))  # type: ignore[no-untyped-call]
    return tag


def _means(words: str, value: str) -> bool:
    """Return whether a text is this value wherever a scalar can stand: as key and value, in block and in flow."""
    if _SIMPLE.fullmatch(words):
        return True
    if words.startswith(_MARKERS):
        return False
    try:
        block = yaml.load(f"{words}: {words}", yaml.BaseLoader)  # noqa: S506 - it builds strings only
        flow = yaml.load(f"[{words}, {words}]", yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError:
        return False
    return bool(block == {value: value} and flow == [value, value])


def _check_unit(
    source: YamlText, unit: Unit, splices: Sequence[ScalarEdit], words: Mapping[int, str], text: str
) -> None:
    own = [one for one in splices if unit.begin <= one.begin < unit.end]
    if not own:
        return

    def moved(place: int) -> int:
        return place + sum(
            len(words[one.begin]) - (one.scalar.end - one.begin) for one in splices if one.scalar.end <= place
        )

    before = _events(source.text, unit.begin, unit.end)
    after = _events(text, moved(unit.begin), moved(unit.end))
    wanted = {one.scalar.end: one.value for one in own if one.around is None}
    nested = {one.around.end: one.around for one in own if one.around is not None}
    if len(before) != len(after):
        raise EditRefused("the edit would change the structure of the document")
    for old, new in zip(before, after, strict=True):
        end = old.end_mark.index if isinstance(old, yaml.ScalarEvent) and old.end_mark else -1
        if end in wanted:
            if new.value != wanted.pop(end) or (old.tag, old.anchor) != (new.tag, new.anchor):
                raise EditRefused(f"line {old.start_mark.line + 1}: the value would not be read as it is meant")
        elif end in nested:
            inside = [one for one in own if one.around is nested[end]]
            _check_block(old.value, new.value, inside)
        elif _shape(old) != _shape(new):
            raise EditRefused(f"line {old.start_mark.line + 1}: the edit would change something else")
    if wanted:
        raise EditRefused("the value was not found again where it was")


def _check_block(old: str, new: str, splices: Sequence[ScalarEdit]) -> None:
    lines = list(zip(old.split("\n"), new.split("\n"), strict=False))
    changed = sum(one != other for one, other in lines)
    expected = len({one.scalar.line for one in splices})
    values = [event.value for event in _events(new, 0, len(new)) if isinstance(event, yaml.ScalarEvent)]
    if old.count("\n") != new.count("\n") or changed > expected or any(one.value not in values for one in splices):
        raise EditRefused("the edit would change more of the block than its value")


def _events(text: str, begin: int, end: int) -> list[Any]:
    try:
        return events_of(text, begin, end)
    except yaml.YAMLError as error:
        raise EditRefused(f"the edit would break the document: {error}") from error


def _shape(event: yaml.Event) -> tuple[object, ...]:
    names = ("anchor", "tag", "implicit", "value", "style", "flow_style", "explicit", "version", "tags", "encoding")
    return (type(event), *(getattr(event, name, None) for name in names))
