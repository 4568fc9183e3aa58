"""A message is a line of JSON, with its variables as keys and nothing of the machinery."""

import json
import logging
import sys

from oomreport.controller.log import JsonLines


def line(**extra: object) -> dict[str, object]:
    record = logging.getLogger("test").makeRecord("test", logging.WARNING, "f", 1, "cannot read", (), None, extra=extra)
    found: dict[str, object] = json.loads(JsonLines().format(record))
    return found


def test_variables_are_keys_beside_time_level_and_message():
    found = line(report="shop/web", seconds=3)
    assert found.pop("time")
    assert found == {"level": "warning", "message": "cannot read", "report": "shop/web", "seconds": 3}


def test_an_exception_has_its_traceback_on_the_same_line():
    try:
        int("wrong")
    except ValueError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info()})
    text = JsonLines().format(record)
    assert "\n" not in text
    assert "ValueError: invalid literal" in json.loads(text)["traceback"]


def test_what_json_does_not_know_is_its_text():
    assert line(path=logging)["path"] == str(logging)
