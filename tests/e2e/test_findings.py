"""Why, and what to change: five stories that run side by side, each told by its report.

A leak and a spike are told apart from the peak of a start by what came before, so these two take three minutes.
"""

from collections.abc import Iterator
from datetime import datetime

import pytest

from e2e.kube import Object, apply, eventually, items, kubectl
from e2e.nodes import Node
from e2e.reports import child_verdict, settled_report
from e2e.sampled import Sampled
from e2e.witness import kills_of_pod, pods, running_id
from e2e.workloads import MIB, container, pod, pod_spec

NAMESPACE = "e2e-findings"
# A container that dies within 150 s has died of its start, as far as anybody can tell.
LONG_SECONDS = 175
INTERVAL_SECONDS = 5
# The agent lists the node's pods this often, and samples this often.
FIRST_SEEN_SECONDS = 12


@pytest.fixture(scope="module")
def watched(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Sampled]]:
    """Run all five to their first kill; return by container what their cgroups held on the way.

    None is started again: where a container goes with its child, it would be killed again and again.
    """
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true")
    kubectl("create", "namespace", NAMESPACE)
    eventually("the default service account", lambda: items("serviceaccounts", NAMESPACE), seconds=20)
    memory = {"name": "scratch", "emptyDir": {"medium": "Memory"}}
    mount = {"name": "scratch", "mountPath": "/scratch"}
    shared = {"limits": {"memory": "80Mi"}, "requests": {"memory": "64Mi"}}
    apply(
        pod("leak", NAMESPACE, pod_spec(container("leak", "1", "3.2", "8", name="leak"), restart="Never")),
        pod(
            "spike",
            NAMESPACE,
            pod_spec(container("hold-then-child", "24", "128", str(LONG_SECONDS), "20", name="spike"), restart="Never"),
        ),
        pod(
            "tmpfs",
            NAMESPACE,
            pod_spec(
                container("shmem", "/scratch/file", "200", "15", name="tmpfs", volumeMounts=[mount]),
                restart="Never",
                volumes=[memory],
            ),
        ),
        pod(
            "shared",
            NAMESPACE,
            pod_spec(
                container("hold", "56", name="innocent", limit=None, request=None),
                container("child", "70", "1", "25", "5", name="greedy", limit=None, request=None),
                restart="Never",
                resources=shared,
            ),
        ),
        pod(
            "storm",
            NAMESPACE,
            pod_spec(container("workers", "25", "4", "0.3", "40", name="storm", limit="96Mi"), restart="Never"),
        ),
    )
    found: dict[str, Sampled] = {}
    folder = tmp_path_factory.mktemp(node.kind)

    def all_killed() -> bool:
        listed = pods(NAMESPACE)
        for one in listed:
            for name in (each["name"] for each in one["spec"]["containers"]):
                instance = running_id(one, name)
                if instance and name not in found:
                    found[name] = Sampled(instance, folder / name)
        return all(kills_of_pod(one["metadata"]["uid"]) for one in listed)

    try:
        eventually("every story has its kill", all_killed, seconds=LONG_SECONDS + 60, every=1)
        yield found
    finally:
        for each in found.values():
            each.close()
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def told(name: str, of: str, verdict: str | None) -> tuple[dict[str, str], Object, Object]:
    """Return a report's findings by rule, its recommendation, and its last kill."""
    pod_found = next(one for one in pods(NAMESPACE) if one["metadata"]["name"] == name)
    kills = len(kills_of_pod(pod_found["metadata"]["uid"]))
    status = settled_report(NAMESPACE, "Pod", name, of, verdict=verdict, kills=kills)["status"]
    findings = {finding["rule"]: finding["message"] for finding in status["findings"]}
    print(name, findings, status["recommendation"])
    return findings, status["recommendation"], status["lastKill"]


def assert_way(last: Object, sampled: Sampled, *, at_least: int, rising: int = 3) -> None:
    """The report's samples are what the test read itself, to `rising` MiB, and end just before the kill."""
    usage = last["usage"]
    start, killed = (datetime.fromisoformat(text).timestamp() for text in (usage["startTime"], last["time"]))
    times = [start + usage["intervalSeconds"] * index for index in range(len(usage["bytes"]))]
    assert usage["intervalSeconds"] == INTERVAL_SECONDS
    assert len(times) >= at_least
    assert killed - 1.6 * INTERVAL_SECONDS <= times[-1] <= killed + 0.1
    compared, seen = 0, sampled.seen()
    for at, size in zip(times, usage["bytes"], strict=True):
        near = [own for when, own in seen if abs(when - at) < 1.5]
        if near:
            compared += 1
            # A burst may pass between two readings of the test's own, up to the limit.
            most = last["memory"]["limitBytes"] if killed - at < 1.5 else max(near) + rising * MIB
            assert min(near) - rising * MIB <= size <= most, (at - start, size, near)
    assert compared >= at_least / 2
    assert max(usage["life"]["bytes"]) == max(usage["bytes"])
    # A container that lives on has none, which takes a while to be sure of.
    if "termination" in last:
        assert last["startedAt"] == last["termination"]["startedAt"]


def test_a_first_steady_rise_is_a_finding_and_its_limit_raised(watched: dict[str, Sampled]) -> None:
    findings, recommendation, last = told("leak", "leak", "Confirmed")
    assert not findings.keys() & {"Leak", "Spike", "LimitBelowStart"}
    # One MiB in 3.2 s, as the test made it.
    rate = float(findings["SteadyGrowth"].split("rose by ")[1].split("Mi/min")[0])
    assert rate == pytest.approx(60 / 3.2, rel=0.15)
    assert recommendation["action"] == "RaiseLimit"
    assert_way(last, watched["leak"], at_least=(LONG_SECONDS - FIRST_SEEN_SECONDS) // INTERVAL_SECONDS)


def test_a_spike_over_a_level_raises_the_limit(watched: dict[str, Sampled]) -> None:
    findings, recommendation, last = told("spike", "spike", child_verdict())
    assert findings["Spike"].startswith("Memory was at 2")
    assert not findings.keys() & {"Leak", "StartupPeak", "SteadyGrowth"}
    assert recommendation["action"] == "RaiseLimit"
    assert recommendation["previousLimit"] == "64Mi"
    assert_way(last, watched["spike"], at_least=(LONG_SECONDS - FIRST_SEEN_SECONDS) // INTERVAL_SECONDS)


def test_files_in_a_memory_backed_volume_are_to_be_bounded(watched: dict[str, Sampled]) -> None:
    findings, recommendation, last = told("tmpfs", "tmpfs", "Confirmed")
    assert "scratch" in findings["TmpfsFilled"]
    assert "scratch" in findings["VolumeWithoutSize"]
    assert "StartupPeak" not in findings
    assert recommendation["action"] == "LimitTmpfs"
    assert "scratch" in recommendation["basis"]
    assert_way(last, watched["tmpfs"], at_least=1)


def test_a_neighbour_at_the_pods_limit_is_named_and_the_pods_limit_raised(watched: dict[str, Sampled]) -> None:
    findings, recommendation, last = told("shared", "innocent", "Confirmed")
    assert "Container greedy allocated" in findings["PodLimitHitByNeighbour"]
    assert "ContainerLimitHit" not in findings
    assert recommendation["action"] == "RaisePodLimit"
    assert recommendation["previousLimit"] == "80Mi"
    assert_way(last, watched["innocent"], at_least=2)


def test_a_storm_of_workers_is_counted(watched: dict[str, Sampled]) -> None:
    findings, recommendation, last = told("storm", "storm", child_verdict())
    assert "processes 'hog-child' of about" in findings["ManyWorkers"]
    assert recommendation["action"] == "RaiseLimit"
    assert recommendation["previousLimit"] == "96Mi"
    assert_way(last, watched["storm"], at_least=5, rising=8)
