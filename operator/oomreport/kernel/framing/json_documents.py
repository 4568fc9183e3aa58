"""JSON documents that hold many entries: what log stores answer and export.

    {"events": [{"timestamp": 1700000000000, "message": ".."}, ..]}              CloudWatch
    {"hits": {"hits": [{"_source": {"message": ".."}}, ..]}}                      Elasticsearch
    {"data": {"result": [{"stream": {..}, "values": [["1700..", ".."], ..]}]}}    Loki
    {"tables": [{"columns": [{"name": ".."}, ..], "rows": [[..], ..]}]}           Azure
    {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {..}}, ..]}]}]}     OpenTelemetry
    [{"jsonPayload": {"MESSAGE": ".."}}, ..]                                      gcloud

None of them is known by name: whatever object has a text is an entry, and so is a row whose cells are one.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from oomreport.kernel.framing.json_fields import is_event, line_of_object
from oomreport.kernel.framing.prefix import unprefixed
from oomreport.kernel.text.kind import kind_of

_MOST_DEPTH = 16
_MOST_FAILURES = 16
_NAMES = ("key", "name", "field")
_VALUES = ("stringValue", "intValue", "doubleValue", "boolValue")
_DECODER = json.JSONDecoder(strict=False)


def entries_of_text(text: str) -> list[Mapping[str, Any]] | None:
    """Return the entries in one line of JSON, None where it is none; a document that was cut gives what is whole."""
    text = text.strip().rstrip(",")
    if text[:1] not in ("{", "["):
        return None
    try:
        return list(entries_in(json.loads(text, strict=False)))
    except (ValueError, RecursionError):
        pass
    if len(text) < 2 or text[:2] == "[ " or not ('{"' in text and '":' in text):
        return None
    found = list(_whole_objects(text))
    return [entry for one in found for entry in entries_in(one)] if found else None


def entries_in(value: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the entries in a value read from JSON, in their order."""
    if depth > _MOST_DEPTH:
        return
    if isinstance(value, dict):
        yield from _entries_in_object(value, depth)
    elif isinstance(value, list):
        pairs = _pairs(value)
        if pairs is not None and line_of_object(pairs) is not None:
            yield pairs
        elif value and not any(isinstance(one, dict | list) for one in value):
            row = _row(value)
            if row is not None:
                yield row
        else:
            for one in value:
                yield from entries_in(one, depth + 1)


def _entries_in_object(value: dict[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    if is_event(value):
        return
    plain = {name: _plain(one) for name, one in value.items()}
    if line_of_object(plain) is not None:
        yield plain
        return
    told = _table(value) or _streams(value)
    if told is not None:
        for entry in told:
            yield from entries_in(entry, depth + 1)
        return
    for one in value.values():
        if isinstance(one, dict | list):
            yield from entries_in(one, depth + 1)


def _table(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the rows of a table whose columns have names."""
    columns, rows = value.get("columns"), value.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        return None
    names = [str(one.get("name") if isinstance(one, dict) else one) for one in columns]
    whole = (row for row in rows if isinstance(row, list) and len(row) == len(names))
    return [dict(zip(names, row, strict=True)) for row in whole]


def _streams(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the lines of a stream of Loki's, each with the labels of the stream."""
    labels, values = value.get("stream"), value.get("values")
    if not isinstance(labels, dict) or not isinstance(values, list):
        return None
    pairs = (pair for pair in values if isinstance(pair, list) and len(pair) >= 2 and isinstance(pair[1], str))
    return [{**labels, "timestamp": pair[0], "line": pair[1]} for pair in pairs]


def _plain(value: object, depth: int = 0) -> object:
    """Return OpenTelemetry's values, which name their type, and lists of names with values, as what they stand for."""
    if depth > _MOST_DEPTH or not isinstance(value, dict) or len(value) != 1:
        return value
    ((name, inner),) = value.items()
    if name in _VALUES:
        return inner
    if name == "kvlistValue" and isinstance(inner, dict) and isinstance(inner.get("values"), list):
        return _plain(_pairs(inner["values"]), depth + 1)
    return value


def _pairs(value: list[Any]) -> dict[str, Any] | None:
    """Return the object that a list of names with values stands for."""
    pairs: dict[str, Any] = {}
    for one in value:
        name = (
            next((one[key] for key in _NAMES if isinstance(one.get(key), str)), None) if isinstance(one, dict) else None
        )
        if name is None or "value" not in one:
            return None
        pairs[name] = _plain(one["value"], 1)
    return pairs or None


def _row(cells: list[Any]) -> Mapping[str, Any] | None:
    """Return the cells of a row as an entry: the last one that reads as a part of a dump, else the longest, is its text."""
    texts = [cell for cell in cells if isinstance(cell, str)]
    if len(cells) < 2 or not texts:
        return None
    told = [text for text in texts if kind_of(unprefixed(text).text) is not None]
    return {"message": told[-1] if told else max(texts, key=len)}


def _whole_objects(text: str) -> Iterator[object]:
    at, failures = text.find("{"), 0
    while at >= 0 and failures < _MOST_FAILURES:
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            failures += 1
            at = text.find("{", at + 1)
            continue
        if isinstance(value, dict) and value:
            yield value
        at = text.find("{", end)
