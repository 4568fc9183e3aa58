"""Values of the core as the API's JSON, and back.

A field's name in JSON is its own in camelCase; `_NAMES` holds the few that differ. Times are RFC 3339, with
microseconds but for `_IN_SECONDS`. What is None is left out, and what is empty where it may be absent. A number beyond
int64 is left out too: the API server would refuse the whole object for it.

What cannot be read counts as not said: the field gets its default, and an object without a required field is None.
"""

# ruff: noqa: ANN401 - a field may be of any type

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from oomreport.names import camel_case
from oomreport.times import parse_time, rfc3339, rfc3339_seconds

T = TypeVar("T")
LEAST_INT, MOST_INT = -(2**63), 2**63 - 1
_PLAIN = frozenset({str, bool, float})
# By class and field.
_NAMES: Mapping[str, Mapping[str, str]] = {
    "Usage": {"start": "startTime", "samples": "bytes", "last": "lastSample"},
    "Sample": {"usage": "usageBytes", "anon": "anonBytes", "file": "fileBytes", "shmem": "shmemBytes"}
    | {"kernel": "kernelBytes", "swap": "swapBytes", "limit": "limitBytes", "swap_limit": "swapLimitBytes"},
    "Peak": {"size": "bytes"},
    "Pressure": {"some": "somePercent", "full": "fullPercent"},
    "UsageSince": {"limit": "limitBytes", "request": "requestBytes", "first": "firstLook", "last": "lastLook"}
    | {"peak": "peakBytes", "days": "dayPeaks", "began": "startTime", "interval": "intervalSeconds", "points": "bytes"},
    "Termination": {"started": "startedAt", "finished": "finishedAt", "attempt": "restartCount"},
}
# Read where they are there, and never written: the API has no such field, or has it beside the object.
_NOT_WRITTEN: Mapping[str, frozenset[str]] = {
    "Task": frozenset({"total_vm_bytes"}),
    "Termination": frozenset({"container_id", "attempt"}),
}
# Written also where they are empty: the API requires them.
_ALWAYS_WRITTEN: Mapping[str, frozenset[str]] = {
    "RecordSpec": frozenset({"victims", "missing"}),
    "ReportStatus": frozenset({"recent_kills", "counted", "findings", "conditions"}),
}
# metav1.Time holds whole seconds, metav1.MicroTime microseconds.
_IN_SECONDS: Mapping[str, frozenset[str]] = {
    "Kill": frozenset({"started_at"}),
    "Termination": frozenset({"started", "finished"}),
    "Applied": frozenset({"time"}),
    "Condition": frozenset({"last_transition_time"}),
    "UsageSince": frozenset({"first", "last", "began"}),
    "ReportStatus": frozenset({"leak_ended"}),
    "Forecast": frozenset({"full_at", "earliest", "latest"}),
}


# What completes the JSON first, fields by their names in JSON (name, and what reads it), and the required ones.
_Reading = tuple[
    Callable[[Mapping[str, Any]], Mapping[str, Any]] | None,
    Mapping[str, tuple[str, Callable[[object], Any]]],
    frozenset[str],
]


def as_json(value: Any) -> dict[str, Any]:
    """Return a dataclass, or a named tuple, as the API's JSON."""
    found: dict[str, Any] = {}
    for name, key, may_be_absent, in_seconds in _written(value.__class__):
        field = getattr(value, name)
        if field is None:
            continue
        kind = field.__class__
        if kind is int:
            if not LEAST_INT <= field <= MOST_INT:
                continue
        elif kind is datetime:
            field = rfc3339_seconds(field) if in_seconds else rfc3339(field)
        elif kind not in _PLAIN:
            if may_be_absent and not isinstance(field, str) and not field:
                continue
            field = _part_as_json(field)
        found[key] = field
    return found


def keys_of(kind: type) -> tuple[str, ...]:
    """Return the keys that a dataclass, or a named tuple, has in the API's JSON."""
    return tuple(key for _, key, *_ in _written(kind))


def from_json(kind: type[T], raw: object) -> T | None:
    """Return a value of a dataclass, or named tuple, from the API's JSON; None where a required field is not there."""
    if not isinstance(raw, Mapping):
        return None
    # A class whose JSON holds a part of a value elsewhere puts that together first.
    completed, fields, required = _read(kind)  # type: ignore[arg-type]
    raw = completed(raw) if completed else raw
    found: dict[str, Any] = {}
    # By what is there: most fields of most objects are absent.
    for key, item in raw.items():
        if item is not None and (field := fields.get(key)):
            value = field[1](item)
            if value is not None:
                found[field[0]] = value
    return kind(**found) if required <= found.keys() else None


def part_from_json(kind: type, name: str, raw: Mapping[str, Any]) -> Any:
    """Return one field of a dataclass from the API's JSON of the whole; None where it is not there, or unreadable."""
    key = _key(kind, name)
    item = raw.get(key)
    return None if item is None else _read(kind)[1][key][1](item)


def _part_as_json(value: Any) -> Any:
    return _writer(value.__class__)(value)


@cache
def _writer(kind: type) -> Callable[[Any], Any]:
    """Return what makes JSON of a value of a class that is neither plain nor a time."""
    if issubclass(kind, StrEnum):
        return _anything
    if issubclass(kind, Mapping):
        return dict
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return as_json
    return _items_as_json


def _items_as_json(values: Any) -> list[Any]:
    return [one if one.__class__ in _PLAIN or one.__class__ is int else _item_as_json(one) for one in values]


def _item_as_json(value: Any) -> Any:
    return rfc3339(value) if isinstance(value, datetime) else _part_as_json(value)


@cache
def _written(kind: type) -> tuple[tuple[str, str, bool, bool], ...]:
    """Return a class's fields: name, name in JSON, whether an empty one may be absent, whether in seconds."""
    not_written = _NOT_WRITTEN.get(kind.__name__, frozenset())
    always = _ALWAYS_WRITTEN.get(kind.__name__, frozenset())
    in_seconds = _IN_SECONDS.get(kind.__name__, frozenset())
    return tuple(
        (name, _key(kind, name), has_default and name not in always, name in in_seconds)
        for name, has_default in _fields(kind)
        if name not in not_written
    )


@cache
def _read(kind: Any) -> _Reading:
    """Return what reads a class."""
    hints = get_type_hints(kind)
    fields = {_key(kind, name): (name, _reader(hints[name])) for name, _ in _fields(kind)}
    required = frozenset(name for name, has_default in _fields(kind) if not has_default)
    return getattr(kind, "completed", None), fields, required


def _fields(kind: Any) -> list[tuple[str, bool]]:
    """Return the names of a class's fields, and whether they have a default."""
    if names := getattr(kind, "_fields", None):
        return [(name, name in kind._field_defaults) for name in names]
    missing = dataclasses.MISSING
    return [
        (one.name, one.default is not missing or one.default_factory is not missing)
        for one in dataclasses.fields(kind)
        if one.init
    ]


def _key(kind: type, name: str) -> str:
    return _NAMES.get(kind.__name__, {}).get(name) or camel_case(name)


def _reader(hint: Any) -> Callable[[object], Any]:
    if hint is Any:
        return _anything
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return partial(_one_of, frozenset(arguments))
    if origin in (Union, UnionType):
        (hint,) = (one for one in arguments if one is not NoneType)
        return _reader(hint)
    if origin in (tuple, frozenset):
        return partial(_items, origin, _reader(arguments[0]))
    if origin is not None:
        return partial(_mapping, _reader(arguments[1]))
    if hint is datetime:
        return parse_time
    if hint in (str, int, bool, float):
        return partial(_scalar, hint)
    if issubclass(hint, StrEnum):
        return partial(_word, {one.value: one for one in hint})
    return partial(from_json, hint)


def _anything(raw: object) -> Any:
    return raw


def _one_of(words: frozenset[str], raw: object) -> Any:
    return raw if isinstance(raw, str) and raw in words else None


def _items(kind: type, read: Callable[[object], Any], raw: object) -> Any:
    return kind(one for item in raw if (one := read(item)) is not None) if isinstance(raw, list | tuple) else None


def _mapping(read: Callable[[object], Any], raw: object) -> Any:
    if not isinstance(raw, Mapping):
        return None
    return {key: value for key, item in raw.items() if (value := read(item)) is not None}


def _scalar(kind: type, raw: object) -> Any:
    # True is an int to Python; a number without a fraction is an int to JSON.
    if kind is float:
        return float(raw) if isinstance(raw, int | float) and not isinstance(raw, bool) else None
    return raw if raw.__class__ is kind or (kind is str and isinstance(raw, str)) else None


def _word(words: Mapping[str, StrEnum], raw: object) -> Any:
    return words.get(raw) if isinstance(raw, str) else None
