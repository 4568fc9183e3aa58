import json
import time
from typing import Any

import pytest

from oomreport.adapters.cluster.nesting import MOST_LEVELS, is_deep, without_deep_items


def nested(levels: int) -> Any:
    made: Any = 1
    for number in range(levels):
        made = [made] if number % 2 else {"a": made}
    return made


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@pytest.mark.parametrize("text", ["", "[[[{{{", "}}}", '\\"{', '"]}]}', "\\"])
def test_brackets_in_texts_are_no_levels(text: str) -> None:
    for levels in (MOST_LEVELS - 2, MOST_LEVELS - 1, MOST_LEVELS):
        value = [text * 200, nested(levels), {text: text}]
        assert is_deep(json.dumps(value).encode()) is (depth(value) > MOST_LEVELS)


def test_a_list_loses_the_objects_that_are_too_deep_and_no_other() -> None:
    items = [{"name": "a"}, {"b": nested(5000)}, {"name": "]}[{", "c": [[], {}]}, nested(150), {"name": "z"}]
    text = "[" + ",".join(_dumped(item) for item in items) + "]"
    page = f'{{"kind":"PodList","metadata":{{"continue":"x"}},"items":{text},"after":1}}'.encode()
    assert json.loads(without_deep_items(page)) == {
        "kind": "PodList",
        "metadata": {"continue": "x"},
        "items": [items[0], items[2], items[4]],
        "after": 1,
    }
    assert without_deep_items(b'{"items":[{"a":1}]}') == b'{"items":[{"a":1}]}'


@pytest.mark.parametrize("piece", [b"{", b"}", b"[", b'"', b'"\\', b"\\", b"}{", b'{"a":', b'"{",', b"{}"])
def test_the_time_grows_with_the_text(piece: bytes) -> None:
    text = b"[" + piece * ((256 << 10) // len(piece))
    begun = time.process_time()
    is_deep(text)
    without_deep_items(text)
    # A microsecond for each token; what is quadratic takes minutes.
    assert time.process_time() - begun < 30


def _dumped(value: Any) -> str:
    """As json.dumps, which calls itself for each level."""
    if not isinstance(value, dict | list):
        return json.dumps(value)
    closing: list[str] = []
    text = ""
    while isinstance(value, dict | list) and len(value) == 1:
        key = next(iter(value))
        text += f"{{{json.dumps(key)}:" if isinstance(value, dict) else "["
        closing.append("}" if isinstance(value, dict) else "]")
        value = value[key] if isinstance(value, dict) else key
    return text + json.dumps(value) + "".join(reversed(closing))
