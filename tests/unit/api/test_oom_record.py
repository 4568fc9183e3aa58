from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from oomreport.api.oom_record import OOMRecord, OOMRecordSpec
from oomreport.incident.memory.usage import Peak, Pressure, Sample, Usage
from oomreport.incident.oom_record import (
    MOST_LOG_BYTES,
    MOST_USAGE_SAMPLES,
    MOST_VICTIMS,
    Origin,
    ScopeSource,
    Source,
    SubjectSource,
    record_spec,
)
from oomreport.incident.witness.attribution import Attribution
from oomreport.kernel.record import (
    ChosenProcess,
    Invocation,
    MemoryUsage,
    Part,
    ScoreSource,
    Stamp,
    Task,
    Trigger,
    Victim,
)
from oomreport.names import API_VERSION
from oomreport.workload.container import Scope, Subject

AT = Stamp(monotonic_us=35_433_434)
TIME = datetime(2026, 11, 20, 20, 21, 7, 433_434, UTC)
NODE = Origin(
    node_name="worker-3", boot_id="9f1c2b7a-0000", source=Source.KMSG, kernel_release="6.12.107+deb13-cloud-amd64"
)
CRD = yaml.safe_load((Path(__file__).parents[3] / "crds/oomreport.dev_oomrecords.yaml").read_text())
FIELDS = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

# What exec(2), prctl(2) and a broken encoder can put into 15 bytes, once unescaped.
COMMS = st.text(max_size=15) | st.sampled_from(
    ["", ") score 1", ",task=x,pid=1,uid=0", "a\nb", "\x1b[31m", "\ufffd" * 15, "\0"]
)
INT64 = st.integers(-(2**63), 2**63 - 1)
VICTIMS = st.builds(
    Victim,
    pid=INT64,
    comm=COMMS | st.none(),
    uid=st.integers(0, 2**32 - 1) | st.none(),
    oom_score=INT64 | st.none(),
    oom_score_source=st.sampled_from(ScoreSource) | st.none(),
    oom_score_adj=st.integers(-1000, 1000) | st.none(),
    total_vm_bytes=INT64 | st.none(),
    anon_rss_bytes=INT64 | st.none(),
)
TASKS = st.builds(
    Task, pid=INT64, comm=COMMS, uid=st.integers(-(2**31), 2**32 - 1) | st.none(), oom_score=INT64 | st.none()
)


def full() -> dict[str, Any]:
    """Return a record with every field that the agent can send."""
    victim = Victim(
        pid=212,
        comm="node",
        uid=0,
        oom_score=1873,
        oom_score_source=ScoreSource.COMPUTED,
        oom_score_adj=939,
        total_vm_bytes=61_128_704,
        anon_rss_bytes=55_271_424,
        file_rss_bytes=0,
        shmem_rss_bytes=716_800,
        rss_bytes=55_988_224,
        pagetables_bytes=151_552,
        reaped=True,
    )
    invocation = Invocation(
        first=AT,
        killed=AT,
        sequence_first=1942,
        sequence_last=2039,
        constraint="CONSTRAINT_MEMCG",
        oom_memcg="/kubepods.slice",
        task_memcg="/kubepods.slice/a.scope",
        cpuset="cri-containerd-a.scope",
        mems_allowed="0-1",
        nodemask="1",
        chosen=ChosenProcess(pid=9, comm="parent", oom_score=7),
        trigger=Trigger(comm="node", pid=212, gfp_mask="0xcc0", order=0, oom_score_adj=939),
        group_kill=True,
        victims=(victim,),
        memory=MemoryUsage(
            usage_bytes=58_720_256,
            limit_bytes=58_720_256,
            failure_count=24,
            swap_usage_bytes=0,
            swap_limit_bytes=0,
            stat={"anon": 57_610_240, "hierarchical_memsw_limit": 9_223_372_036_854_771_712},
        ),
        tasks=(
            Task(
                pid=212,
                tgid=212,
                uid=0,
                comm="node",
                rss_bytes=56_000_000,
                swap_bytes=0,
                pagetables_bytes=151_552,
                oom_score_adj=939,
                oom_score=1873,
            ),
        ),
        task_count=3,
        missing=frozenset({Part.HEADER}),
        lost_before=7,
        log="node invoked oom-killer: ...\n",
    )
    subject = Subject(
        pod_uid="9b02072e-3bc7-46e9-a439-c8eaf034527b",
        container_id="7a" * 32,
        runtime="containerd",
        qos_class="Burstable",
        namespace="shop",
        pod="web-7d9c-x2x4z",
        container="api",
    )
    life = Usage(start=TIME, interval_seconds=40.0, samples=(1, 2))
    usage = Usage(
        start=TIME,
        interval_seconds=2.5,
        samples=(1, 2),
        from_start=True,
        life=life,
        last=Sample(time=TIME, usage=9, anon=1, file=2, shmem=1, kernel=1, swap=0, limit=9, swap_limit=0),
        peak=Peak(time=TIME, size=9),
        pressure=Pressure(time=TIME, some=12.5, full=100.0),
    )
    spec = record_spec(invocation, origin=NODE, time=TIME, subject=subject, usage=usage)
    spec = replace(spec, scope_source=ScopeSource.COUNTERS, scope_candidates=(Scope.CONTAINER, Scope.POD))
    return Attribution(source=SubjectSource.TASK_TABLE, candidates=("7a" * 32,)).of(spec).as_json()


def sent(invocation: Invocation) -> dict[str, Any]:
    return record_spec(invocation, origin=NODE, time=TIME, subject=None).as_json()


def test_the_schema_has_exactly_the_fields_that_the_agent_sends() -> None:
    def compare(value: Any, schema: dict[str, Any], path: str) -> None:
        if isinstance(value, dict) and "properties" in schema:
            assert value.keys() == schema["properties"].keys(), path
            for key, inner in value.items():
                compare(inner, schema["properties"][key], f"{path}.{key}")
        elif isinstance(value, list):
            compare(value[0], schema["items"], f"{path}[]")

    compare(full(), FIELDS, "spec")


def test_nothing_is_lost_or_changed_between_the_agents_json_and_the_model() -> None:
    assert OOMRecordSpec.model_validate(full()).as_json() == full()


def test_a_record_of_a_kill_line_alone_is_enough() -> None:
    spec = sent(Invocation(first=AT, killed=AT, victims=(Victim(pid=7),), missing=frozenset(Part) - {Part.KILL_LINE}))

    assert OOMRecordSpec.model_validate(spec).as_json() == spec
    assert set(FIELDS["required"]) == {"nodeName", "source", "scope"}


@given(st.lists(VICTIMS, max_size=4), st.lists(TASKS, max_size=4), COMMS)
def test_whatever_the_kernel_prints_is_accepted_and_kept(victims: list[Victim], tasks: list[Task], comm: str) -> None:
    spec = sent(Invocation(first=AT, killed=AT, victims=tuple(victims), tasks=tuple(tasks), trigger=Trigger(comm=comm)))

    assert OOMRecordSpec.model_validate(spec).as_json() == spec


def test_a_number_beyond_int64_is_left_out_since_the_api_server_would_refuse_the_record() -> None:
    huge = Victim(pid=7, total_vm_bytes=2**64 - 4096, anon_rss_bytes=2**63 - 1)
    spec = sent(Invocation(first=AT, killed=AT, victims=(huge,), memory=MemoryUsage(stat={"anon": 1, "file": 2**63})))

    assert spec["victims"] == [{"pid": 7, "anonRSSBytes": 2**63 - 1, "reaped": False}]
    assert spec["memory"] == {"stat": {"anon": 1}}


def test_the_bounds_of_the_schema_are_those_that_the_agent_keeps() -> None:
    spec = sent(
        Invocation(
            first=AT,
            killed=AT,
            victims=tuple(Victim(pid=n) for n in range(MOST_VICTIMS + 500)),
            tasks=tuple(Task(pid=n, comm="x") for n in range(50)),
            memory=MemoryUsage(stat={f"key{n}": n for n in range(500)}),
            log="x" * (2 * MOST_LOG_BYTES),
        )
    ) | {"usage": {"startTime": "2026-11-20T20:21:07.433434Z", "intervalSeconds": 5, "bytes": [1] * MOST_USAGE_SAMPLES}}

    assert OOMRecordSpec.model_validate(spec).as_json() == spec
    assert len(spec["victims"]) == FIELDS["properties"]["victims"]["maxItems"]
    assert spec["victimCount"] == MOST_VICTIMS + 500


@pytest.mark.parametrize(
    ("field", "value"),
    [("scope", "Galaxy"), ("source", "Rumour"), ("nodeName", None), ("victims", [{"comm": "x"}]), ("lostBefore", -1)],
)
def test_what_is_no_record_is_refused_with_the_fields_name(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        OOMRecordSpec.model_validate(full() | {field: value})


def test_an_object_is_read_as_the_api_server_sends_it() -> None:
    record = OOMRecord.model_validate(
        {
            "apiVersion": API_VERSION,
            "kind": "OOMRecord",
            "metadata": {"name": "worker-3-9f1c2b7a-35433434", "uid": "1", "managedFields": [{"manager": "agent"}]},
            "spec": full(),
            "status": {
                "usedTime": "2026-11-20T20:21:08.000001Z",
                "outcome": "Joined",
                "reportRef": {"namespace": "shop", "name": "deployment-web-api"},
            },
        }
    )

    assert record.metadata["uid"] == "1"
    assert record.spec.scope is Scope.NODE_ALLOCATABLE
    assert record.spec.victims[0].anon_rss_bytes == 55_271_424
    assert record.spec.time == TIME
    assert record.status is not None
    assert record.status.report_ref is not None
    assert record.status.report_ref.name == "deployment-web-api"
    assert record.as_json()["status"]["outcome"] == "Joined"


def test_another_kind_is_no_record() -> None:
    with pytest.raises(ValidationError, match="kind"):
        OOMRecord.model_validate({"apiVersion": API_VERSION, "kind": "OOMReport", "metadata": {}, "spec": full()})
