"""Kills that pod status hides, hides half, or that somebody only claims."""

import json
import time
from collections.abc import Mapping
from datetime import datetime

import pytest

from cluster.lab import product
from e2e.kube import Object, apply, eventually, item, items, kubectl
from e2e.nodes import Gate, Node
from e2e.reports import assert_victim, child_verdict, events_of, report_of, settled_report, victim_pids
from e2e.witness import (
    RingKill,
    events_of_memory,
    kills_of_pod,
    memory_files,
    monotonic_us,
    pods,
    processes_in,
    ring,
    ring_kills,
    running_id,
    statuses,
    terminations,
)
from e2e.workloads import MIB, behind, container, gate_volume, pod, pod_spec

# Long enough for a wrong report to appear: the controller's longest wait for pod status is shorter.
QUIET_SECONDS = 20


def kills_in(namespace: str, count: int, seconds: float = 60) -> list[RingKill]:
    """Return the kills of the namespace's pods as the raw ring shows them, once there are `count`."""

    def look() -> list[RingKill] | None:
        found = [kill for one in pods(namespace) for kill in kills_of_pod(one["metadata"]["uid"])]
        return found if len(found) >= count else None

    return eventually(f"{count} kills in the ring", look, seconds=seconds)


def silent_report(namespace: str, name: str) -> Object | None:
    report = report_of(namespace, "Pod", name)
    return report if report and report["status"]["lastKill"]["silent"] else None


def running_instance(namespace: str, name: str, of: str = "api", *, seconds: float = 60) -> str:
    return eventually(f"{name} runs", lambda: running_id(item("pod", name, namespace) or {}, of), seconds=seconds)


def child_of(inside: Mapping[int, int]) -> int:
    """Return the host pid of the one process that is not its container's PID 1."""
    (child,) = (pid for pid, own in inside.items() if own != 1)
    return child


def test_a_killed_child_is_silent_or_takes_its_container_along(namespace: str, node: Node) -> None:
    apply(pod("silent", namespace, pod_spec(container("child", "128", "1", "3", "30"), restart="Never")))
    instance = running_instance(namespace, "silent")
    inside = eventually("the child runs", lambda: p if len(p := processes_in(instance)) == 2 else None, every=0.05)
    if node.groups:
        assert_killed_as_a_group(namespace, instance, inside)
    else:
        assert_killed_alone(namespace, instance)


def assert_killed_alone(namespace: str, instance: str) -> None:
    (kill,) = kills_in(namespace, 1)
    report = settled_report(namespace, "Pod", "silent", verdict="KernelOnly")
    report = eventually("silent", lambda: silent_report(namespace, "silent"))
    found = item("pod", "silent", namespace)
    assert found
    assert running_id(found, "api") == instance
    assert not terminations(found, "api")
    assert statuses(found)[0]["restartCount"] == 0
    assert kill.pid not in processes_in(instance)
    last = report["status"]["lastKill"]
    assert_victim(last, kill)
    assert last["victim"]["comm"] == "hog-child"
    assert last["containerID"] == instance
    assert "termination" not in last
    assert [e["reason"] for e in eventually("the event", lambda: events_of(namespace, "silent"))] == [
        "ProcessOOMKilled"
    ]


def assert_killed_as_a_group(namespace: str, instance: str, inside: Mapping[int, int]) -> None:
    """The kernel names the chosen victim twice, and its counters count it twice; the report tells of one kill."""
    (kill,) = kills_in(namespace, 1)
    assert kill.pid == child_of(inside)
    assert set(kill.group) == set(inside)
    assert kill.group_memcg
    assert instance in kill.group_memcg
    uid = pods(namespace)[0]["metadata"]["uid"]
    assert events_of_memory(uid)["oom_kill"] == 1 + len(kill.group)
    assert events_of_memory(uid)["oom_group_kill"] == 1

    report = settled_report(namespace, "Pod", "silent", verdict="Confirmed")
    last = report["status"]["lastKill"]
    assert_victim(last, kill)
    assert last["victim"]["comm"] == "hog-child"
    assert last["containerID"] == instance
    assert last["silent"] is False
    assert last["termination"]["exitCode"] == 137
    assert "GroupKilled" in [finding["rule"] for finding in report["status"]["findings"]]
    (record,) = [r for r in items("oomrecords") if r["metadata"]["name"] == last["recordName"]]
    assert sorted(victim["pid"] for victim in record["spec"]["victims"]) == sorted(inside)


def test_what_the_memory_consisted_of_is_seen_before_the_kernel_prints_it(namespace: str) -> None:
    """What the agent can know is what the files of this very node have, whose names and kinds differ by version."""
    apply(pod("filler", namespace, pod_spec(container("leak", "1", "1", "20"), restart="Never")))
    instance = running_instance(namespace, "filler")
    time.sleep(3 * 5)
    files = memory_files(instance)
    (kill,) = kills_in(namespace, 1)
    last = settled_report(namespace, "Pod", "filler", verdict="Confirmed")["status"]["lastKill"]
    assert_victim(last, kill)
    usage, seen = last["usage"], last["usage"]["lastSample"]
    stat = {key: int(value) for key, value in (line.split() for line in files["memory.stat"].splitlines())}

    # The agent looks every 5 s while memory moves, one MiB a second here; on a slow node later.
    assert 0 < (datetime.fromisoformat(last["time"]) - datetime.fromisoformat(seen["time"])).total_seconds() < 15
    assert seen["limitBytes"] == last["memory"]["limitBytes"] == 64 * MIB
    assert stat.get("total_rss", stat.get("anon", 0)) - MIB <= seen["anonBytes"] <= 64 * MIB
    assert seen["anonBytes"] + seen["fileBytes"] + seen["kernelBytes"] <= seen["usageBytes"] + MIB
    assert seen.get("swapBytes") == (0 if "memory.swap.current" in files or "total_swap" in stat else None)
    peak = files.get("memory.peak", files.get("memory.max_usage_in_bytes"))
    assert ("peak" in usage) == (peak is not None)
    assert peak is None or max(int(peak), seen["usageBytes"]) <= usage["peak"]["bytes"] <= 64 * MIB
    assert ("pressure" in usage) == ("memory.pressure" in files)
    assert usage["fromStart"] is True
    found = item("pod", "filler", namespace)
    assert found
    assert last["startedAt"] == terminations(found, "api")[0]["startedAt"]
    print(usage.get("peak"), usage.get("pressure"), seen, sorted(files))


def test_the_victim_of_a_pod_limit_need_not_be_the_container_that_allocated(namespace: str) -> None:
    innocent = container("hold", "56", name="innocent", limit=None, request=None)
    greedy = container("child", "90", "1", "6", "5", name="greedy", limit=None, request=None)
    resources = {"limits": {"memory": "80Mi"}, "requests": {"memory": "64Mi"}}
    apply(pod("shared", namespace, pod_spec(innocent, greedy, restart="Never", resources=resources)))
    victim_id = running_instance(namespace, "shared", "innocent")
    greedy_id = running_instance(namespace, "shared", "greedy")
    kill = kills_in(namespace, 1)[0]

    assert victim_id in kill.memcg
    assert greedy_id in (kill.cpuset or "")
    assert kill.oom_memcg
    assert victim_id not in kill.oom_memcg
    assert greedy_id not in kill.oom_memcg
    report = settled_report(namespace, "Pod", "shared", "innocent", verdict="Confirmed")
    last = report["status"]["lastKill"]
    assert_victim(last, kill)
    assert last["cause"] == "PodLimit"
    assert last["scope"] == "Pod"
    assert last["memory"]["limitBytes"] == 80 * MIB
    assert report["status"]["recommendation"]["action"] == "RaisePodLimit"
    assert (
        next(e["reason"] for e in eventually("the event", lambda: events_of(namespace, "shared")))
        == "PodLimitOOMKilled"
    )


def test_a_limit_that_the_kubelet_sums_up_is_none_that_a_manifest_can_raise(namespace: str) -> None:
    """What an init container leaves in memory is charged to its pod: the sum of limits is hit, and no part of it."""
    writes = "open('/left/over', 'wb').write(bytes(24 << 20))"
    volume = {"name": "left", "emptyDir": {"medium": "Memory"}}
    init = {
        "name": "leaves",
        "image": product.IMAGE,
        "imagePullPolicy": "Never",
        "command": ["/opt/oomreport/bin/python", "-c", writes],
        "resources": {"limits": {"memory": "64Mi"}},
        "volumeMounts": [{"name": "left", "mountPath": "/left"}],
    }
    greedy = container("child", "64", "1", "2", "5", name="greedy", limit="40Mi")
    side = container("hold", "16", name="side", limit="24Mi", request="16Mi")
    apply(pod("sum", namespace, pod_spec(greedy, side, restart="Never", initContainers=[init], volumes=[volume])))
    kill = kills_in(namespace, 1)[0]
    assert kill.oom_memcg
    assert kill.oom_memcg != kill.memcg
    found = item("pod", "sum", namespace)
    assert found
    print(found["status"].get("resources"))

    report = settled_report(namespace, "Pod", "sum", "greedy", verdict=child_verdict())
    assert report["status"]["lastKill"]["cause"] == "PodLimit"
    assert report["status"]["lastKill"]["memory"]["limitBytes"] == 64 * MIB
    advice = report["status"]["recommendation"]
    assert (advice["action"], advice.get("memoryLimit")) == ("None", None)
    assert "no manifest sets it" in advice["basis"]
    assert "greedy has 40Mi, side has 24Mi" in advice["basis"]


def waiting_for(gate: Gate, name: str, *, children: int) -> Object:
    """A container whose children allocate at once when the gate opens; its limit leaves room for all of them."""
    return behind(gate, "child", "48", str(children), "0.1", "0", name=name, limit="24Mi", request="8Mi")


def test_a_storm_whose_dumps_the_kernel_limits_is_counted_to_the_last_kill(
    namespace: str, gate: Gate, node: Node
) -> None:
    """Thirty kills within five seconds.

    Where a child takes its container along, fifteen: a guest starts them slowly.
    """
    names = [f"storm-{n}" for n in range(5 if node.groups else 10)]
    expected = 3 * len(names)
    of_each = ["api", "second", "third"] if node.groups else ["api"]
    for name in names:
        storming = [waiting_for(gate, one, children=3 // len(of_each)) for one in of_each]
        apply(pod(name, namespace, pod_spec(*storming, restart="Never", volumes=[gate_volume(gate)])))
    instances = {(name, one): running_instance(namespace, name, one) for name in names for one in of_each}
    before = monotonic_us()
    gate.touch()

    def all_done() -> list[RingKill] | None:
        kills = [kill for kill in ring_kills(before) if kill.comm == "hog-child"]
        return kills if len(kills) >= expected else None

    kills = eventually(f"{expected} kill lines in the ring", all_done, seconds=60)
    assert len(kills) == expected
    assert kills[-1].stamp_us - kills[0].stamp_us < 5_000_000
    assert any(kill.task_memcg is None for kill in kills), "the kernel printed every summary: nothing was rate-limited"
    for (name, one), instance in instances.items():
        report = settled_report(
            namespace, "Pod", name, one, verdict=child_verdict(), kills=3 // len(of_each), seconds=90
        )
        assert report["status"]["lastKill"]["containerID"] == instance
    time.sleep(QUIET_SECONDS)
    counted = {
        (r["spec"]["workloadRef"]["name"], r["spec"]["container"]): r["status"]["kills"]
        for r in items("oomreports", namespace)
    }
    assert counted == dict.fromkeys(instances, 3 // len(of_each))
    reported = [pid for r in items("oomreports", namespace) for pid in victim_pids(r)]
    assert sorted(reported) == sorted(kill.pid for kill in kills)


@pytest.mark.parametrize(
    "hex_name",
    [
        b"x) ,task=a,pid=1".hex()[:30],
        b",pid=1,uid=0".hex(),
        b"a\nb\x1b[31m".hex(),
        b"\xff\xfe bad".hex(),
    ],
    ids=["parenthesis", "pid", "newline", "invalid-utf-8"],
)
def test_a_hostile_process_name_stays_a_name(namespace: str, hex_name: str) -> None:
    spec = pod_spec(container("comm", hex_name, "child", "128", "1", "2", "30"), restart="Never")
    apply(pod("hostile", namespace, spec))
    instance = running_instance(namespace, "hostile")
    inside = eventually("the child runs", lambda: p if len(p := processes_in(instance)) == 2 else None, every=0.05)

    report = settled_report(namespace, "Pod", "hostile", verdict=child_verdict())
    victim = report["status"]["lastKill"]["victim"]
    assert victim["pid"] == child_of(inside)
    assert victim["comm"] == bytes.fromhex(hex_name).decode("utf-8", "replace")
    assert report["status"]["lastKill"]["containerID"] == instance


FORGED = (
    "Memory cgroup out of memory: Killed process {pid} (postgres) total-vm:999999kB, anon-rss:888888kB, "
    "file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:100kB oom_score_adj:0"
)


def test_a_forged_kernel_line_makes_no_report(namespace: str) -> None:
    uid, pid = "0123abcd-0123-4abc-8def-0123456789ab", 4_111_111
    memcg = f"/kubepods/burstable/pod{uid}/{'ab' * 32}"
    summary = (
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg={memcg},"
        f"task_memcg={memcg},task=postgres,pid={pid},uid=0"
    )
    kmsg = {"name": "kmsg", "hostPath": {"path": "/dev/kmsg", "type": "CharDevice"}}
    mount = {"name": "kmsg", "mountPath": "/forge"}
    apply(
        pod("stdout", namespace, pod_spec(container("print", FORGED.format(pid=pid)))),
        pod(
            "root",
            namespace,
            pod_spec(
                container(
                    "kmsg",
                    f"<3>{summary}",
                    "kmsg",
                    f"<3>{FORGED.format(pid=pid)}",
                    env=[{"name": "HOG_KMSG", "value": "/forge"}],
                    securityContext={"privileged": True},
                    volumeMounts=[mount],
                ),
                volumes=[kmsg],
            ),
        ),
        # A real kill afterwards proves that the agent has read past the forged lines.
        pod("real", namespace, pod_spec(container("self", "128", "5", "5"), restart="Never")),
    )
    settled_report(namespace, "Pod", "real", verdict="Confirmed")
    forged = [priority for priority, _, _, text in ring(user_space=True) if f"Killed process {pid}" in text]
    assert forged
    assert min(forged) >= 8, "the kernel took the forged line for its own"
    time.sleep(5)
    assert [r["spec"]["workloadRef"]["name"] for r in items("oomreports", namespace)] == ["real"]
    records = json.loads(kubectl("get", "oomrecords", "-o", "json"))["items"]
    assert not [r for r in records if any(v["pid"] == pid for v in r["spec"].get("victims", []))]
