"""The nesting of objects that others wrote.

The API server takes objects of thousands of levels: who writes a pod writes its managedFields, who writes a hook the
template of its Job. Python's readers of JSON take a thousand levels, and what copies an object fewer. So what is nested
deeper than any object that is needed is passed over before anything reads it.
"""

import re
from collections.abc import Iterator

# A pod has some 20 levels, a hook with its template 30.
MOST_LEVELS = 100
# A text without an end goes to the end of the data, so that no place is looked at twice.
_TOKEN = re.compile(rb'"[^"]*+"?|[{}\[\]]')
_TEXT, _OPENING = ord('"'), b"{["
_CURLY = bytes.maketrans(b"[]", b"{}")
_OTHERS = bytes(byte for byte in range(256) if byte not in b"{}[]")
# The objects of a list stand in an array in the outermost object.
_ARRAY_LEVEL = 2


def is_deep(data: bytes) -> bool:
    """Return whether JSON has more than a hundred levels; linear, and quick where it has not."""
    return _may_be_deep(data) and _deepest(data) > MOST_LEVELS


def without_deep_items(data: bytes) -> bytes:
    """Return a list of objects without those that are nested too deep; linear, and quick where none is."""
    if not _may_be_deep(data):
        return data
    kept: list[bytes] = []
    level = deepest = begin = 0
    first = last = None
    for at, step in _brackets(data):
        if step > 0 and level == _ARRAY_LEVEL:
            begin, deepest = at, 0
            first = at if first is None else first
        level += step
        deepest = max(deepest, level)
        if step < 0 and level == _ARRAY_LEVEL:
            last = at + 1
            if deepest <= MOST_LEVELS:
                kept.append(data[begin:last])
    return data if first is None or last is None else data[:first] + b",".join(kept) + data[last:]


def _brackets(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the place of each bracket outside texts, and 1 where it opens a level, -1 where it closes one."""
    # What is escaped in a text is made something else of the same length first.
    for token in _TOKEN.finditer(data.replace(b"\\\\", b"__").replace(b'\\"', b"__")):
        at = token.start()
        if data[at] != _TEXT:
            yield at, 1 if data[at] in _OPENING else -1


def _may_be_deep(data: bytes) -> bool:
    """Take the innermost pairs of brackets away, one level at a time; brackets in texts may be left over."""
    brackets = data.translate(_CURLY, _OTHERS)
    for _ in range(MOST_LEVELS):
        fewer = brackets.replace(b"{}", b"")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    return bool(brackets)


def _deepest(data: bytes) -> int:
    level = deepest = 0
    for _, step in _brackets(data):
        level += step
        deepest = max(deepest, level)
    return deepest
