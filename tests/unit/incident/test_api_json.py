"""Values as the API's JSON."""

from datetime import UTC, datetime

import pytest

from oomreport.incident.api_json import as_json, from_json
from oomreport.incident.memory.usage import Peak, Pressure, Sample, Usage
from oomreport.incident.oom_record import RecordSpec
from oomreport.kernel.record import MemoryUsage, Part, ScoreSource, Task, Victim
from oomreport.workload.pod import Termination

AT = datetime(2026, 11, 20, 20, 21, 7, 433434, tzinfo=UTC)
WHOLE = RecordSpec(
    node_name="worker-1",
    boot_id="9f1c2b7a",
    time=AT,
    victims=(Victim(pid=7, comm="node", anon_rss_bytes=1 << 40, oom_score_source=ScoreSource.COMPUTED),),
    memory=MemoryUsage(usage_bytes=0, stat={"anon": 5}),
    tasks=(Task(pid=7, comm="node", oom_score=-3),),
    missing=(Part.SUMMARY,),
    usage=Usage(
        start=AT,
        interval_seconds=5.0,
        samples=(1, 2),
        life=Usage(start=AT, interval_seconds=40.0, samples=(2,)),
        last=Sample(time=AT, usage=9, shmem=0, swap_limit=3),
        peak=Peak(time=AT, size=10),
        pressure=Pressure(time=AT, some=12.5, full=3.0),
    ),
)


def test_a_value_comes_back_from_its_json_as_it_was() -> None:
    assert from_json(RecordSpec, as_json(WHOLE)) == WHOLE


def test_names_are_the_apis() -> None:
    json = as_json(WHOLE)

    assert json["bootID"] == "9f1c2b7a"
    assert json["victims"] == [
        {"pid": 7, "comm": "node", "anonRSSBytes": 1 << 40, "oomScoreSource": "Computed", "reaped": False}
    ]
    assert json["usage"]["lastSample"] == {
        "time": "2026-11-20T20:21:07.433434Z",
        "usageBytes": 9,
        "shmemBytes": 0,
        "swapLimitBytes": 3,
    }
    assert json["usage"]["pressure"] == {"time": json["time"], "somePercent": 12.5, "fullPercent": 3.0}


def test_what_is_not_known_or_beyond_int64_is_left_out() -> None:
    assert as_json(Victim(pid=7, anon_rss_bytes=1 << 63)) == {"pid": 7, "reaped": False}
    assert "total_vm_bytes" not in as_json(Task(pid=7, comm="x", total_vm_bytes=5))
    assert as_json(MemoryUsage()) == {}


def test_metav1_times_hold_whole_seconds() -> None:
    assert as_json(Termination(container_id="c", finished=AT)) == {"finishedAt": "2026-11-20T20:21:07Z"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"pid": 7, "comm": 5, "oomScore": "high", "uid": True}, Victim(pid=7)),
        ({"pid": 7, "oomScoreSource": ["Printed"], "newer": 1}, Victim(pid=7)),
        ({"pid": "7"}, None),
        ({"comm": "node"}, None),
        ([], None),
        (None, None),
    ],
)
def test_what_cannot_be_read_counts_as_not_said(raw: object, expected: Victim | None) -> None:
    assert from_json(Victim, raw) == expected


def test_an_illegible_item_of_a_list_is_passed_over() -> None:
    found = from_json(RecordSpec, {"victims": [{"pid": 7}, None, {"pid": "8"}], "missing": ["Header", "Newer"]})

    assert found is not None
    assert found.victims == (Victim(pid=7),)
    assert found.missing == (Part.HEADER,)
