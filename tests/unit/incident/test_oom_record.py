from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from oomreport.api.oom_record import OOMRecordSpec
from oomreport.incident.memory.usage import Peak, Pressure, Sample, Usage
from oomreport.incident.oom_record import (
    MOST_LOG_BYTES,
    MOST_TASKS,
    MOST_USAGE_SAMPLES,
    Origin,
    Source,
    counter_record_name,
    record_name,
    record_spec,
    subject_of_invocation,
)
from oomreport.kernel.record import Invocation, MemoryUsage, Part, Stamp, Task, Trigger, Victim
from oomreport.names import bounded_text, label_name
from oomreport.times import rfc3339
from oomreport.workload.container import Subject

NODE = Origin(node_name="worker-3", boot_id="9f1c2b7a-0000", source=Source.SYSLOG)
AT = Stamp(monotonic_us=35_433_434)
POD = "/kubepods/burstable/pod9b02072e-3bc7-46e9-a439-c8eaf034527b"


def spec_of(invocation: Invocation, **changes: object) -> dict[str, object]:
    arguments = {"origin": NODE, "time": None, "subject": None} | changes
    return record_spec(invocation, **arguments).as_json()  # type: ignore[arg-type]


def test_what_the_log_does_not_say_is_left_out() -> None:
    spec = spec_of(Invocation(first=AT, killed=AT, victims=(Victim(pid=7),), missing=frozenset({Part.SUMMARY})))

    assert spec["victims"] == [{"pid": 7, "reaped": False}]
    assert spec["missing"] == ["Summary"]
    assert "memory" not in spec
    assert "subject" not in spec
    assert "constraint" not in spec
    assert "time" not in spec


def test_an_unlimited_swap_and_a_zero_are_two_things() -> None:
    memory = MemoryUsage(usage_bytes=0, swap_usage_bytes=0, stat={"anon": 0})

    assert spec_of(Invocation(first=AT, killed=AT, memory=memory))["memory"] == {
        "usageBytes": 0,
        "swapUsageBytes": 0,
        "stat": {"anon": 0},
    }


def test_missing_parts_stand_in_the_order_of_a_dump() -> None:
    invocation = Invocation(first=AT, killed=AT, missing=frozenset(Part))

    assert spec_of(invocation)["missing"] == ["Header", "MemoryUsage", "TaskTable", "Summary", "KillLine"]


def test_a_dump_that_ran_to_its_end_without_a_kill_has_no_victim() -> None:
    assert spec_of(Invocation(first=AT, killed=AT))["noVictim"] is True
    assert spec_of(Invocation(first=AT, killed=AT, missing=frozenset({Part.KILL_LINE})))["noVictim"] is False


def test_a_long_table_log_and_trajectory_are_bounded() -> None:
    tasks = tuple(Task(pid=n, comm="x") for n in range(100))
    usage = Usage(start=datetime(2026, 1, 1, tzinfo=UTC), interval_seconds=5, samples=tuple(range(500)))
    spec = spec_of(Invocation(first=AT, killed=AT, tasks=tasks, log="\u00e9" * MOST_LOG_BYTES), usage=usage)

    assert len(spec["tasks"]) == MOST_TASKS  # type: ignore[arg-type]
    assert len(str(spec["log"]).encode()) <= MOST_LOG_BYTES
    assert spec["usage"]["bytes"] == list(range(500 - MOST_USAGE_SAMPLES, 500))  # type: ignore[index]


def test_the_victims_cgroup_names_the_subject_and_the_limits_cgroup_only_where_that_is_lost() -> None:
    container = f"{POD}/{'ab' * 32}"
    both = Invocation(first=AT, killed=AT, task_memcg=container, oom_memcg=POD)
    limit_only = Invocation(first=AT, killed=AT, oom_memcg=POD)

    assert (subject_of_invocation(both) or Subject()).container_id == "ab" * 32
    assert (subject_of_invocation(limit_only) or Subject()).container_id is None
    assert (subject_of_invocation(limit_only) or Subject()).pod_uid == "9b02072e-3bc7-46e9-a439-c8eaf034527b"


def test_the_trigger_keeps_a_zero_order_and_a_zero_adj() -> None:
    trigger = Trigger(comm="node", pid=1, gfp_mask="0xcc0", order=0, oom_score_adj=0)

    assert spec_of(Invocation(first=AT, killed=AT, trigger=trigger))["trigger"] == {
        "comm": "node",
        "pid": 1,
        "gfpMask": "0xcc0",
        "order": 0,
        "oomScoreAdj": 0,
    }


def test_times_are_utc_micro_times() -> None:
    assert (
        rfc3339(datetime(2026, 11, 20, 22, 21, 7, 433_434, timezone(timedelta(hours=2))))
        == "2026-11-20T20:21:07.433434Z"
    )


def test_a_record_is_named_by_node_boot_and_stamp() -> None:
    assert (
        record_name(node_name="worker-3", boot_id="9f1c2b7a-aaaa", stamp_us=35_435_120) == "worker-3-9f1c2b7a-35435120"
    )
    assert (
        counter_record_name(node_name="worker-3", boot_id="9f1c2b7a-aaaa", container_id="7af0820551e6" * 5, count=3)
        == "worker-3-9f1c2b7a-7af0820551e6-3"
    )


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4), st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_a_name_is_a_dns_label_and_two_things_never_share_one_by_cleaning(one: list[str], other: list[str]) -> None:
    name = label_name(*one)

    assert 1 <= len(name) <= 63
    assert all(c in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in name)
    assert name[0] != "-"
    assert name[-1] != "-"
    if "-".join(one) != "-".join(other):
        assert name != label_name(*other)


@given(st.text(), st.integers(min_value=20, max_value=200))
def test_bounding_a_text_keeps_it_whole_or_within_the_bound(text: str, most: int) -> None:
    bounded = bounded_text(text, most)

    assert bounded == text or len(bounded.encode("utf-8", "replace")) <= most


def test_a_usage_tells_what_was_sampled_apart_from_what_the_kernel_printed():
    at = datetime(2026, 1, 1, tzinfo=UTC)
    usage = Usage(
        start=at,
        interval_seconds=5.0,
        samples=(1, 2),
        from_start=False,
        last=Sample(time=at, usage=9, anon=3, file=5, shmem=4, swap=0, limit=10),
        peak=Peak(time=at, size=10),
        pressure=Pressure(time=at, some=12.5, full=3.0),
    )
    spec = spec_of(Invocation(first=AT, killed=AT, missing=frozenset({Part.MEMORY_USAGE})), usage=usage)
    time = "2026-01-01T00:00:00.000000Z"
    assert "memory" not in spec
    assert spec["missing"] == ["MemoryUsage"]
    assert spec["usage"] == {
        "startTime": time,
        "intervalSeconds": 5.0,
        "bytes": [1, 2],
        "fromStart": False,
        "lastSample": {
            "time": time,
            "usageBytes": 9,
            "anonBytes": 3,
            "fileBytes": 5,
            "shmemBytes": 4,
            "swapBytes": 0,
            "limitBytes": 10,
        },
        "peak": {"time": time, "bytes": 10},
        "pressure": {"time": time, "somePercent": 12.5, "fullPercent": 3.0},
    }
    assert (
        OOMRecordSpec.model_validate(spec).model_dump(mode="json", by_alias=True, exclude_none=True)["usage"]
        == spec["usage"]
    )
