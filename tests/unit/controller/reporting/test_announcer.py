"""What became of a record is told once, by the look that counted it."""

import asyncio
from typing import Any, cast

import pytest

from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.records import RecordCache
from oomreport.controller.reporting.announcer import Announcer
from oomreport.controller.work.keys import MarkKey
from oomreport.incident.report.decision import RecordOutcome
from support.controller import KeyList
from support.evidence import after, record

REPORT = ("shop", "deployment-web-api")


class Api:
    def __init__(self) -> None:
        self.written: list[Any] = []

    async def merge(self, _where: str, body: dict[str, Any], *, brief: bool = False) -> None:
        self.written.append(body["status"]["outcome"])


@pytest.mark.parametrize("second_look", ["before the mark is written", "after it"])
def test_a_second_look_does_not_change_how_a_record_was_counted(second_look: str):
    api, records = Api(), RecordCache()
    records.put(record("one"), now=after(0))
    announcer = Announcer(
        api=cast("Any", api),
        queue=KeyList(),
        pods=PodCache(),
        records=records,
        identity="controller-1",
        now=lambda: after(1),
    )

    def written() -> None:
        asyncio.run(announcer.write_mark(MarkKey(name="one")))

    announcer.mark("one", RecordOutcome.JOINED, REPORT)
    if second_look == "after it":
        written()
    announcer.mark("one", RecordOutcome.COUNTED, REPORT)
    written()
    assert api.written == ["Joined"]
