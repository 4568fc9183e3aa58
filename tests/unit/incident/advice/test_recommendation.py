from dataclasses import replace
from typing import Any

import pytest

from oomreport.incident.report.decision import decide
from oomreport.incident.witness.policy import Policy, RequestRule
from oomreport.incident.witness.surroundings import Surroundings
from oomreport.times import rfc3339
from oomreport.workload.heap import heap_settings
from oomreport.workload.pod import ContainerFacts, MemoryVolume
from oomreport.workload.quantity import GI, MI, parse_quantity
from support.evidence import PATIENCE, UID, after, cid, container, evidence, pod, record, running, termination


def dead(
    *,
    limit: int | None = 512 * MI,
    request: int | None = None,
    instance: str = cid(1),
    seconds: float = 1,
    **values: Any,
) -> ContainerFacts:
    end = replace(termination(instance, seconds=seconds), started=None)
    return container(
        limit=limit, memory_request=request or (limit // 2 if limit else None), terminations=(end,), attempt=0, **values
    )


def usage(sizes: list[int], *, interval: float, end: float = 0.0, start: float | None = None) -> dict[str, Any]:
    first = start if start is not None else end - interval * len(sizes)
    return {"startTime": rfc3339(after(first)), "intervalSeconds": interval, "bytes": sizes}


def rising(limit: int, *, from_share: float, seconds: float, points: int = 60) -> dict[str, Any]:
    sizes = [int(limit * (from_share + (1 - from_share) * n / points)) for n in range(points)]
    return usage(sizes, interval=seconds / points)


def level(limit: int, *, seconds: float = 3600.0, points: int = 60) -> dict[str, Any]:
    return usage([limit // 2] * points, interval=seconds / points)


def report(
    *, limit: int = 512 * MI, way: dict[str, Any] | None = None, around: Surroundings | None = None, **values: Any
) -> dict[str, Any]:
    facts = values.pop("facts", None) or dead(limit=limit)
    stored = values.pop("stored", {})
    volumes = values.pop("volumes", ())
    found = record(limit=None if values.get("scope") == "Node" else limit, usage=way or level(limit), **values)
    seen = evidence(
        found,
        pods=(pod(facts, uid=UID, memory_volumes=volumes),),
        status=stored,
        **({"surroundings": around} if around else {}),
    )
    return decide(seen, PATIENCE).status


def advice(**values: Any) -> dict[str, Any]:
    found: dict[str, Any] = report(**values)["recommendation"]
    return found


def rules(**values: Any) -> set[str]:
    return {finding["rule"] for finding in report(**values)["findings"]}


def test_a_limit_that_was_the_cause_is_raised_and_its_request_keeps_its_share() -> None:
    found = advice(limit=512 * MI)

    assert found["action"] == "RaiseLimit"
    assert found["previousLimit"] == "512Mi"
    limit, request = parse_quantity(found["memoryLimit"]), parse_quantity(found["memoryRequest"])
    assert limit
    assert request
    assert limit % (16 * MI) == 0
    assert abs(request - limit // 2) <= MI


@pytest.mark.parametrize(("limit", "raised"), [(64 * MI, "176Mi"), (GI, "1536Mi"), (8 * GI, "12Gi")])
def test_a_limit_is_raised_by_half_and_a_small_one_by_100_mi(limit: int, raised: str) -> None:
    assert advice(limit=limit)["memoryLimit"] == raised


def test_steady_growth_is_a_finding_and_its_limit_is_raised_by_more() -> None:
    found = report(way=rising(512 * MI, from_share=0.4, seconds=7200.0))

    assert found["recommendation"]["action"] == "RaiseLimit"
    assert found["recommendation"]["memoryLimit"] == "1280Mi"
    assert "SteadyGrowth" in {one["rule"] for one in found["findings"]}
    assert "Leak" not in {one["rule"] for one in found["findings"]}


def test_tmpfs_that_fills_the_limit_is_bounded_and_the_volume_named() -> None:
    values = {
        "stat": {"anon": 100 * MI, "file": 400 * MI, "shmem": 400 * MI},
        "volumes": (MemoryVolume(name="scratch"),),
    }

    assert advice(**values)["action"] == "LimitTmpfs"
    assert "scratch" in advice(**values)["basis"]
    assert {"TmpfsFilled", "VolumeWithoutSize"} <= rules(**values)


@pytest.mark.parametrize("mapped", ["mapped_file", "file_mapped"])
def test_shared_memory_that_processes_map_is_theirs_and_the_limit_is_raised(mapped: str) -> None:
    stat = {"anon": 100 * MI, "file": 410 * MI, "shmem": 400 * MI, mapped: 390 * MI}

    assert advice(stat=stat)["action"] == "RaiseLimit"
    assert "TmpfsFilled" not in rules(stat=stat)
    # Files of a volume may be mapped as well, and mapped libraries are no shared memory.
    assert advice(stat=stat, volumes=(MemoryVolume(name="scratch"),))["action"] == "LimitTmpfs"
    assert advice(stat={**stat, mapped: 10 * MI})["action"] == "LimitTmpfs"
    # So may those of /dev/shm, up to 64Mi.
    small = {"anon": 10 * MI, "file": 60 * MI, "shmem": 60 * MI, mapped: 60 * MI}
    assert advice(limit=72 * MI, stat=small)["action"] == "LimitTmpfs"


@pytest.mark.parametrize(("volumes", "action"), [((), "RaiseLimit"), ((MemoryVolume(name="scratch"),), "LimitTmpfs")])
def test_where_there_is_no_volume_to_bound_three_kills_in_a_row_raise_the_limit(
    volumes: tuple[MemoryVolume, ...], action: str
) -> None:
    stat = {"anon": 100 * MI, "file": 400 * MI, "shmem": 400 * MI}
    recent = [
        {
            "id": f"r{n}",
            "time": rfc3339(after(n - 100)),
            "verdict": "Confirmed",
            "cause": "ContainerLimit",
            "limitBytes": 512 * MI,
        }
        for n in range(2)
    ]
    stored = {"kills": 2, "recentKills": recent, "firstKillTime": recent[0]["time"]}

    assert advice(stat=stat, volumes=volumes)["action"] == "LimitTmpfs"
    assert advice(stat=stat, volumes=volumes, stored=stored)["action"] == action


def test_files_in_memory_are_no_peak_of_a_start_however_young_the_container_is() -> None:
    way = usage([n * 60 * MI for n in range(8)], interval=5.0, end=0.0)
    assert "StartupPeak" in rules(way=way)
    assert "StartupPeak" not in rules(way=way, stat={"anon": 50 * MI, "file": 450 * MI, "shmem": 450 * MI})


def test_a_volume_that_is_bounded_below_the_limit_leaves_the_limit_as_the_knob() -> None:
    values = {
        "stat": {"anon": 200 * MI, "file": 300 * MI, "shmem": 300 * MI},
        "volumes": (MemoryVolume(name="scratch", size_limit=300 * MI),),
    }

    assert advice(**values)["action"] == "RaiseLimit"


def test_a_heap_that_may_grow_past_the_limit_decides_the_number() -> None:
    heap = heap_settings({"args": ["java", "-Xmx600m"]})
    values = {"facts": dead(heap=heap)}

    assert parse_quantity(advice(**values)["memoryLimit"]) == 784 * MI
    assert {"name": "heap", "value": "600Mi", "source": "-Xmx600m"} in advice(**values)["inputs"]
    assert "HeapAgainstLimit" in rules(**values)


@pytest.mark.parametrize(
    ("around", "words"),
    [
        (Surroundings(policy=Policy(maximum=600 * MI)), "maxMemory"),
        (Surroundings(limit_range_max=600 * MI), "LimitRange"),
        (Surroundings(node_allocatable=600 * MI), "allocatable"),
        (Surroundings(quota_left=3 * 88 * MI, replicas=3), "quota"),
    ],
)
def test_a_bound_cuts_the_number_and_is_named(around: Surroundings, words: str) -> None:
    found = advice(around=around)

    assert found["memoryLimit"] == "600Mi"
    assert words in found["basis"]


def test_where_a_bound_leaves_nothing_the_reason_stands_in_the_basis() -> None:
    found = advice(around=Surroundings(limit_range_max=512 * MI))

    assert found["action"] == "None"
    assert "LimitRange" in found["basis"]


def test_a_policy_sets_headroom_rounding_and_request() -> None:
    policy = Policy(headroom_percent=50, rounding=100 * MI, request=RequestRule.EQUAL_LIMIT)
    found = advice(around=Surroundings(policy=policy))

    assert found["memoryLimit"] == found["memoryRequest"] == "800Mi"


def test_a_policy_can_ask_for_findings_only() -> None:
    values = {"around": Surroundings(policy=Policy(enabled=False))}

    assert advice(**values)["action"] == "None"
    assert "ContainerLimitHit" in rules(**values)


def test_a_limit_is_not_raised_for_ever() -> None:
    limits = [128 * MI, 192 * MI, 256 * MI, 320 * MI, 384 * MI, 448 * MI]
    recent = [
        {
            "id": f"r{n}",
            "time": rfc3339(after(n - 100)),
            "verdict": "Confirmed",
            "cause": "ContainerLimit",
            "limitBytes": size,
        }
        for n, size in enumerate(limits)
    ]
    stored = {"kills": 6, "recentKills": recent, "firstKillTime": recent[0]["time"]}

    found = advice(stored=stored)

    assert found["action"] == "None"
    assert "raised 6 times" in found["basis"]


def test_on_a_full_node_the_request_is_raised_to_the_use_and_the_limit_left_alone() -> None:
    values = {
        "scope": "Node",
        "constraint": "CONSTRAINT_NONE",
        "oomMemcg": None,
        "facts": dead(limit=2 * GI, request=100 * MI),
        "way": usage([400 * MI] * 60, interval=60.0),
    }

    found = advice(**values)

    assert found["action"] == "RaiseRequest"
    assert found["memoryRequest"] == "512Mi"
    assert "memoryLimit" not in found
    assert {"NodeOutOfMemory", "RequestBelowUse"} <= rules(**values)


def test_on_a_full_node_who_kept_to_its_request_is_no_one_to_change() -> None:
    values = {
        "scope": "Node",
        "constraint": "CONSTRAINT_NONE",
        "oomMemcg": None,
        "facts": dead(limit=2 * GI, request=GI),
        "way": usage([400 * MI] * 60, interval=60.0),
    }

    assert advice(**values)["action"] == "ReviewNode"


def test_a_kill_that_somebody_asked_for_changes_nothing() -> None:
    found = advice(
        scope="Node",
        constraint="CONSTRAINT_NONE",
        oomMemcg=None,
        trigger={"comm": "bash", "pid": 7, "order": -1},
        facts=dead(limit=2 * GI, request=GI),
    )

    assert found["action"] == "None"
    assert "SysRq" in found["basis"]


@pytest.mark.parametrize(
    ("own", "values", "words"),
    [
        (256 * MI, {}, "The limit is lower than"),
        (None, {"scope": "Pod", "oomMemcg": f"/kubepods/burstable/pod{UID}"}, "The pod's limit is lower than"),
    ],
)
def test_three_deaths_while_starting_say_that_the_limit_is_below_what_a_start_needs(
    own: int | None, values: dict[str, Any], words: str
) -> None:
    stored: dict[str, Any] = {}
    for number in range(3):
        time = number * 300.0
        stored = report(
            name=f"worker-1-9f1c2b7a-{number}",
            seconds=time,
            container=cid(number),
            facts=dead(limit=own, instance=cid(number), seconds=time + 1),
            way=usage([n * 60 * MI for n in range(8)], interval=5.0, end=time),
            stored=stored,
            **values,
        )

    assert stored["kills"] == 3
    told = {finding["rule"]: finding["message"] for finding in stored["findings"]}
    assert "StartupPeak" in told
    assert told["LimitBelowStart"].startswith(words)


def test_kills_in_one_instance_that_lives_on_are_no_failed_starts() -> None:
    stored: dict[str, Any] = {}
    for number in range(3):
        time = 13.0 + number * 6.0
        stored = report(
            name=f"worker-1-9f1c2b7a-{number}",
            seconds=time,
            container=cid(1),
            facts=running(limit=512 * MI, running_since=after(0)),
            way=usage([n * 60 * MI for n in range(8)], interval=1.0, end=time),
            stored=stored,
        )

    assert stored["kills"] == 3
    assert "LimitBelowStart" not in {finding["rule"] for finding in stored["findings"]}
    assert not any("died" in finding["message"] for finding in stored["findings"])
    # The limit was full long before the age of the instance at its third kill.
    assert stored["recommendation"]["basis"].startswith("Kill 3: the container's limit of 512Mi was full. ")


def test_a_cap_keeps_the_limit_of_the_kill_and_comes_first_in_the_basis() -> None:
    status = report(around=Surroundings(policy=Policy(maximum=512 * MI, maximum_of="shop/default")))
    found = status["recommendation"]
    assert (found["action"], found["previousLimit"], found.get("memoryLimit")) == ("None", "512Mi", None)
    assert found["basis"].startswith(
        "No raise: maxMemory of OOMPolicy shop/default (512Mi) allows no more than the limit already has."
    )
    (condition,) = [one for one in status["conditions"] if one["type"] == "Recommended"]
    assert condition["reason"] == "CappedByPolicy"


def test_the_limit_of_a_pod_that_no_manifest_sets_is_not_to_be_raised() -> None:
    values = {"scope": "Pod", "oomMemcg": f"/kubepods/burstable/pod{UID}", "container": cid(1)}
    containers = (dead(limit=128 * MI), container("log", limit=64 * MI))

    def advised(own: int | None) -> dict[str, Any]:
        seen = evidence(record(limit=192 * MI, **values), pods=(pod(*containers, memory_limit=own),))
        found: dict[str, Any] = decide(seen, PATIENCE).status["recommendation"]
        return found

    summed = advised(None)
    assert (summed["action"], summed.get("memoryLimit"), summed["previousLimit"]) == ("None", None, "192Mi")
    assert "raise the limit of the container that needs more; api has 128Mi, log has 64Mi" in summed["basis"]
    own = advised(192 * MI)
    assert own["action"] == "RaisePodLimit"
    assert "The requests of its containers stay as they are." in own["basis"]
