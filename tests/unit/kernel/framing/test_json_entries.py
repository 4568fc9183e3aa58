import json

import pytest

from oomreport.kernel.framing.json_entries import JsonEntries
from oomreport.kernel.framing.stage import EntryText, Item
from oomreport.kernel.line import Line


def fed(text: str) -> list[Item]:
    entries = JsonEntries()
    found: list[Item] = []
    for line in text.encode().split(b"\n"):
        done = entries.feed(line)
        found += [line] if done is None else done
    return found + entries.flush()


def texts(text: str) -> list[str | bytes]:
    return [item.text if isinstance(item, Line | EntryText) else item for item in fed(text)]  # type: ignore[misc]


_EVENTS = {"events": [{"timestamp": 1700000000000 + n, "message": f"line {n}", "ingestionTime": 1} for n in range(3)]}


@pytest.mark.parametrize("indent", [None, 0, 2, "\t"])
def test_each_object_of_a_list_is_an_entry(indent: int | str | None) -> None:
    assert texts(json.dumps(_EVENTS, indent=indent)) == ["line 0", "line 1", "line 2"]
    assert texts(json.dumps(_EVENTS["events"], indent=indent)) == ["line 0", "line 1", "line 2"]


def test_an_object_of_its_own_is_an_entry() -> None:
    assert texts('{"message": "a"}') == ["a"]
    assert texts('{\n\t"MESSAGE" : "a\\"b",\n\t"x" : {"y": [1]}\n}\n{\n\t"MESSAGE" : "c"\n}') == ['a"b', "c"]


def test_dmesg_prints_the_brackets_of_two_entries_on_one_line() -> None:
    assert texts('{\n "dmesg": [\n {\n "pri": 4,\n "msg": "a"\n },{\n "pri": 4,\n "msg": "b"\n }\n ]\n}') == ["a", "b"]


def test_the_marks_of_event_streams_and_sequences_are_taken_off() -> None:
    assert texts('data: {"message": "a"}') == texts('\x1e{"message": "a"}') == ["a"]


def test_the_fields_around_an_entry_are_its_own() -> None:
    (line,) = fed('{"timestamp": "2026-02-27T23:59:00Z", "jsonPayload": {"MESSAGE": "a", "_TRANSPORT": "kernel"}}')
    assert isinstance(line, Line)
    assert line.stamp.wall is not None


def test_an_event_of_kubernetes_is_no_entry() -> None:
    event = {"verb": "ADDED", "event": {"involvedObject": {"kind": "Node"}, "message": "Killed process 1 (x)"}}
    assert texts(json.dumps(event)) == texts(json.dumps(event, indent=2)) == []


def test_a_line_of_the_kernel_that_begins_with_a_bracket_is_not_taken() -> None:
    assert JsonEntries().feed(b"[   12.345678] x invoked oom-killer: gfp_mask=0xcc0") is None
    assert JsonEntries().feed(b"[   12]     0    12") is None


def test_lines_of_a_document_that_is_none_are_given_back() -> None:
    assert texts('{\n  "a": 1,\n[   12.345678] text') == [b"{", b'  "a": 1,', b"[   12.345678] text"]


def test_a_document_that_was_begun_in_its_middle_gives_its_whole_entries() -> None:
    assert texts('"message": "lost"\n},\n{\n"message": "a"\n}\n]\n}')[2:] == ["a", b"]", b"}"]


def test_of_a_long_document_one_entry_is_held() -> None:
    entries = JsonEntries()
    for line in b'{"events": [', *[b'{"message":', b'"x"},'] * 5_000:
        assert entries.feed(line) is not None
        assert len(entries._text) < 100


def test_between_entries_nothing_is_awaited() -> None:
    entries = JsonEntries()
    idle = []
    for line in (b"{", b'"events": [', b"{", b'"message": "a"', b"},"):
        entries.feed(line)
        idle.append(entries.idle)
    assert idle == [False, True, False, False, True]
