"""JSON is the same whichever encoder wrote it, and holds nothing that a terminal obeys."""

import json
from typing import Any

import pytest

from oomreport.cli.logs.json_text import json_text


@pytest.mark.parametrize(
    "value",
    [
        {"comm": "node", "pid": 212, "missing": ["killLine"], "noVictim": False, "memory": None},
        {"comm": "caf\u00e9 \u9b5a \U0001f600"},
        {"comm": "half \ud800 of a pair"},
        {"comm": 'a\x1b[2J\u009b2J\x00\n"\\'},
        {"limitBytes": 1 << 70},
    ],
)
def test_any_value_comes_back_as_it_was_and_is_ascii(value: dict[str, Any]) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert text.isascii()
    assert not any(byte < 0x20 for byte in text)


def test_both_encoders_write_the_same() -> None:
    value = {"a": [1, 2.5, True, None, {"b": "c / d"}]}
    assert json_text(value).decode() == json.dumps(value, separators=(",", ":"))
