from datetime import UTC, datetime

import pytest

from oomreport.kernel.framing.json_fields import is_event, is_kernel, item_of_entry
from oomreport.kernel.framing.stage import EntryText
from oomreport.kernel.line import Line


def test_the_journals_text_is_the_kernels_own() -> None:
    line = item_of_entry(
        {
            "MESSAGE": "text",
            "_TRANSPORT": "kernel",
            "_SOURCE_MONOTONIC_TIMESTAMP": "5",
            "__REALTIME_TIMESTAMP": "7000000",
        }
    )
    assert isinstance(line, Line)
    assert (line.text, line.stamp.monotonic_us, line.stamp.wall) == (
        "text",
        5,
        datetime(1970, 1, 1, 0, 0, 7, tzinfo=UTC),
    )


def test_another_text_may_have_a_prefix_of_its_own() -> None:
    item = item_of_entry({"log": "[    9.000002] text\n", "stream": "stdout", "time": "2026-02-27T23:59:00Z"})
    assert isinstance(item, EntryText)
    assert item.text == "[    9.000002] text"
    assert item.entry.stamp.wall == datetime(2026, 2, 27, 23, 59, tzinfo=UTC)


def test_a_message_that_is_no_clean_text_comes_as_bytes() -> None:
    line = item_of_entry({"MESSAGE": [104, 105, 10], "_TRANSPORT": "kernel"})
    assert line is not None
    assert line.text == "hi"


def test_an_entry_without_text_is_none() -> None:
    assert item_of_entry({"MESSAGE": None, "_TRANSPORT": "kernel"}) is None


@pytest.mark.parametrize(
    ("fields", "kernel"),
    [
        ({"_TRANSPORT": "kernel"}, True), ({"_TRANSPORT": "syslog"}, False), ({"SYSLOG_FACILITY": "3"}, False),
        ({"SYSLOG_FACILITY": "0", "SYSLOG_IDENTIFIER": "x"}, True), ({"facility": "kern"}, True), ({"facility": "daemon"}, False),
        ({"pri": 12, "msg": "x"}, False), ({"pri": 4, "msg": "x"}, True), ({"_SYSTEMD_UNIT": "x.service"}, False),
        ({"SYSLOG_IDENTIFIER": "app"}, False), ({"syslog": {"facility": {"code": 3}}}, False), ({}, True),
    ],
)  # fmt: skip
def test_fields_say_who_wrote_an_entry(fields: dict[str, object], kernel: bool) -> None:  # noqa: FBT001
    assert is_kernel(fields) is kernel


@pytest.mark.parametrize("time", [1e300, 10**400, -1, True, [], "9" * 50, float("nan")])
def test_a_time_that_is_none_is_left_out(time: object) -> None:
    item = item_of_entry({"message": "x", "time": time, "timestamp": time})
    assert isinstance(item, EntryText)
    assert item.entry.stamp.wall is None


def test_an_event_of_kubernetes_is_known_by_what_it_is_about() -> None:
    assert [is_event({name: {}}) for name in ("involvedObject", "regarding", "message")] == [True, True, False]
