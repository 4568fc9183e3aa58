"""What became of a record is told once, by the look that counted it."""

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from oomreport.controller.known.records import Records
from oomreport.controller.reporting.announcer import Teller
from oomreport.controller.work.keys import MarkKey
from oomreport.incident.report.status import Outcome
from support.evidence import after, record

if TYPE_CHECKING:
    from oomreport.controller.context import Context

REPORT = ("shop", "deployment-web-api")


class Around:
    """The parts of a context that a mark needs."""

    def __init__(self) -> None:
        self.records = Records()
        self.records.put(record("one"), now=after(0))
        self.written: list[Any] = []
        self.api = self.queue = self

    def now(self) -> Any:
        return after(1)

    def add(self, key: object) -> None:
        """Take a key as the queue does."""

    async def merge(self, _where: str, body: dict[str, Any]) -> None:
        self.written.append(body["status"]["outcome"])


@pytest.mark.parametrize("second_look", ["before the mark is written", "after it"])
def test_a_second_look_does_not_change_how_a_record_was_counted(second_look: str):
    around = Around()
    teller = Teller(cast("Context", around))

    def written() -> None:
        asyncio.run(teller.write_mark(MarkKey(name="one")))

    teller.mark("one", Outcome.JOINED, REPORT)
    if second_look == "after it":
        written()
    teller.mark("one", Outcome.COUNTED, REPORT)
    written()
    assert around.written == ["Joined"]
