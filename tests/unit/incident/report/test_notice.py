"""What a pod is told."""

from typing import Any

import pytest

from oomreport.incident.kill import Cause, Kill
from oomreport.incident.report.notice import ReportObject, annotations, event, event_reason, event_series
from oomreport.kernel.record import MemoryUsage, Victim
from oomreport.workload.quantity import MI
from support.evidence import UID, after, kill

REPORT = ReportObject(namespace="shop", name="deployment-web-api", container="api", uid="r1")


def shown(**fields: Any) -> Kill:
    victim = Victim(pid=212, comm="node", anon_rss_bytes=240 * MI)
    whole = {"id": "r", "pod": "web-1", "pod_uid": UID, "victim": victim, "memory": MemoryUsage(limit_bytes=256 * MI)}
    return kill(**whole | fields)


@pytest.mark.parametrize(
    ("cause", "silent", "reason"),
    [
        (Cause.CONTAINER_LIMIT, False, "ContainerOOMKilled"),
        (Cause.NESTED_CGROUP, False, "ContainerOOMKilled"),
        (Cause.UNKNOWN, False, "ContainerOOMKilled"),
        (Cause.POD_LIMIT, False, "PodLimitOOMKilled"),
        (Cause.NODE_OUT_OF_MEMORY, False, "NodeOOMKilled"),
        (Cause.NODE_ALLOCATABLE, False, "NodeOOMKilled"),
        (Cause.CPUSET_OR_NUMA, False, "NodeOOMKilled"),
        (Cause.POD_LIMIT, True, "ProcessOOMKilled"),
    ],
)
def test_the_reason_tells_whose_limit_it_was(cause: Cause, reason: str, *, silent: bool):
    assert event_reason(shown(cause=cause), silent=silent) == reason


def test_annotations_are_those_of_the_api():
    assert annotations(shown(), report=REPORT, kills=3) == {
        "oomreport.dev/last-kill": "2026-11-20T20:21:07.433434Z",
        "oomreport.dev/kills": "3",
        "oomreport.dev/victim": "node",
        "oomreport.dev/cause": "ContainerLimit",
        "oomreport.dev/report": "deployment-web-api",
    }
    assert annotations(shown(victim=None), report=REPORT, kills=1)["oomreport.dev/victim"] == ""


def test_an_event_is_one_object_per_pod_container_and_reason():
    first = event(shown(), report=REPORT, silent=False, now=after(0), instance="controller-1")
    again = event(shown(id="s"), report=REPORT, silent=False, now=after(60), instance="controller-2")
    silent = event(shown(), report=REPORT, silent=True, now=after(0), instance="controller-1")
    assert first["metadata"] == again["metadata"]
    assert first["metadata"]["name"] != silent["metadata"]["name"]
    assert first["regarding"]["uid"] == UID
    assert first["related"]["name"] == "deployment-web-api"
    for part in ("Container api", "process node (pid 212)", "240Mi", "256Mi", "ContainerLimit", "deployment-web-api"):
        assert part in first["note"]


def test_a_hostile_name_cannot_break_an_event():
    hostile = shown(victim=Victim(pid=1, comm="a\nb\x1b[31m\u202e" + "x" * 2000))
    found = event(hostile, report=REPORT, silent=False, now=after(0), instance="i" * 300)
    assert len(found["note"].encode()) <= 1024
    assert found["note"].isprintable() or "\n[...]\n" in found["note"]
    assert "\x1b" not in found["note"]
    assert len(found["reportingInstance"]) == 128


def test_a_long_pod_name_still_makes_a_name_for_the_event():
    found = event(shown(pod="x" * 253), report=REPORT, silent=False, now=after(0), instance="i")
    assert len(found["metadata"]["name"]) <= 253


def test_a_series_counts_on():
    assert event_series({}, more=1, now=after(0))["series"]["count"] == 2
    assert event_series({"series": {"count": 5}}, more=30, now=after(0))["series"]["count"] == 35
