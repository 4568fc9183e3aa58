"""The findings of real kernel logs; what the kernel printed there was caused on purpose (see each capture's ORIGIN)."""

from pathlib import Path
from typing import Any

import pytest

from oomreport.incident.oom_record import Origin, Source, record_spec, subject_of_invocation
from oomreport.incident.report.decision import decide
from oomreport.incident.witness.evidence import record_facts
from oomreport.kernel.reading.reader import invocations_of_records
from support.evidence import PATIENCE, T0, UID, container, evidence, pod

RECORDS = Path(__file__).parents[2] / "records"
NODE = Origin(node_name="worker-1", boot_id="9f1c2b7a-0000-4000-8000-000000000000", source=Source.KMSG)


def report_of(name: str, *, request: int | None = 16 << 20) -> dict[str, Any]:
    log = (RECORDS / name / "log.kmsg").read_bytes().split(b"\n")
    first = next(iter(invocations_of_records(log)))
    spec = record_spec(first, origin=NODE, time=T0, subject=subject_of_invocation(first)).as_json()
    facts = record_facts({"metadata": {"name": "worker-1-1"}, "spec": spec})
    assert facts
    one = container(limit=facts.limit, memory_request=request)
    return decide(evidence(facts, pods=(pod(one, uid=facts.pod_uid or UID),)), PATIENCE).status


@pytest.mark.parametrize(
    ("name", "rule", "words", "action"),
    [
        ("kernel-5.10.0-46-cloud-amd64-cgv2-05b-shmem-mapped", "TmpfsFilled", "44Mi of 48.0Mi (92 %)", "LimitTmpfs"),
        ("kernel-6.1.0-56-cloud-amd64-cgv1-05c-tmpfs-mount", "TmpfsFilled", "44Mi of 48Mi", "LimitTmpfs"),
        ("kernel-5.10.0-46-cloud-amd64-cgv1-14b-kmem-unix-sockets", "KernelMemory", "slab 29Mi", "RaiseLimit"),
        ("kernel-6.1.0-56-cloud-amd64-cgv1-14-kmem-pipes", "KernelMemory", "30Mi of 32Mi", "RaiseLimit"),
        ("kernel-5.10.0-46-cloud-amd64-cgv2-13-swap-container-swapmax", "SwapFull", "24Mi of 24Mi", "RaiseLimit"),
        ("kernel-6.1.0-56-cloud-amd64-cgv2-03-oomgroup-cgfs-burstable", "GroupKilled", "all 5 processes", "RaiseLimit"),
        ("kernel-5.10.0-46-cloud-amd64-cgv2-01-single-cgfs-burstable", "ContainerLimitHit", "48Mi", "RaiseLimit"),
        (
            "kernel-5.10.0-46-cloud-amd64-cgv2-11-global-besteffort-pod-hog",
            "NodeOutOfMemory",
            "'be-batch' (pid 667) by 5",
            "RaiseRequest",
        ),
        (
            "kernel-5.10.0-46-cloud-amd64-cgv2-11-global-besteffort-pod-hog",
            "ChosenByProtection",
            "BestEffort",
            "RaiseRequest",
        ),
        ("kernel-6.1.0-56-cloud-amd64-cgv1-11c-global-sysrq", "NodeOutOfMemory", "SysRq", "None"),
        (
            "kernel-6.1.0-56-cloud-amd64-cgv1-11e-global-outside-victim",
            "ChosenByProtection",
            "not the largest process",
            "RaiseRequest",
        ),
        (
            "kernel-6.18.44-fc-v657-cgv1-04b-node-allocatable-limit-on-kubepods",
            "NodeAllocatableHit",
            "90Mi",
            "RaiseRequest",
        ),
        ("kernel-5.10.0-46-cloud-amd64-cgv2-22-constraint-cpuset", "NUMANodesExhausted", "its cpuset", "ReviewNode"),
        (
            "kernel-6.12.107+deb13-cloud-amd64-cgv2-22b-constraint-mempolicy",
            "NUMANodesExhausted",
            "memory policy",
            "ReviewNode",
        ),
    ],
)
def test_a_real_log_gets_the_finding_and_the_knob_of_what_was_done(
    name: str, rule: str, words: str, action: str
) -> None:
    status = report_of(name)

    assert words in {one["rule"]: one["message"] for one in status["findings"]}.get(rule, "")
    assert status["recommendation"]["action"] == action


def test_two_hundred_small_processes_beside_a_large_one_are_not_two_hundred_large_ones() -> None:
    rules = {one["rule"] for one in report_of("kernel-6.12.107+deb13-cloud-amd64-cgv2-07-many-processes")["findings"]}

    assert "ManyWorkers" not in rules


def test_a_plain_kill_gets_one_finding_only() -> None:
    status = report_of("kernel-6.12.107+deb13-cloud-amd64-cgv2-08-comm-tab")

    assert [one["rule"] for one in status["findings"]] == ["ContainerLimitHit"]
