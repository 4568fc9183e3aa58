import io
import json

from oomreport.agent.log import Log
from oomreport.agent.refusals import Refusal, Refusals


def test_each_reason_is_said_at_once_and_then_once_a_minute_with_the_number() -> None:
    stream = io.StringIO()
    refusals = Refusals(Log("info", stream))
    for now in (0.0, 1.0, 59.0, 61.0):
        refusals.note(Refusal.INSIDE_RECORD, now, text="Killed process 1 (forged)")
    refusals.note(Refusal.BEYOND_COUNT, 61.0, text="x", times=3)
    said = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(one["reason"], one["lines"]) for one in said] == [
        ("InsideRecord", 1),
        ("InsideRecord", 3),
        ("BeyondCount", 3),
    ]


def test_figures_name_every_reason_from_the_start() -> None:
    refusals = Refusals(Log("error"))
    refusals.note(Refusal.OTHER_CGROUP, 0.0, text="x")
    assert refusals.figures() == {reason.value: int(reason is Refusal.OTHER_CGROUP) for reason in Refusal}
