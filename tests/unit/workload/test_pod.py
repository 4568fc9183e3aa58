"""Pods as the API server sends them. The statuses are shortened from a real 1.36 node with containerd 2.4."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oomreport.times import parse_time
from oomreport.workload.pod import (
    ContainerFacts,
    ContainerKind,
    OwnerReference,
    PodFacts,
    Termination,
    instances_of,
    node_name,
    pod_facts,
    shows_a_possible_kill,
)
from oomreport.workload.quantity import MI

OLD, NEW = "ab" * 32, "cd" * 32


def terminated(reason: str = "OOMKilled", code: int = 137, instance: str = OLD) -> dict[str, Any]:
    times = {"startedAt": "2026-11-20T20:20:07Z", "finishedAt": "2026-11-20T20:21:07Z"}
    return {"terminated": {"containerID": f"containerd://{instance}", "reason": reason, "exitCode": code, **times}}


def pod(status: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    resources = {"limits": {"memory": "256Mi"}, "requests": {"memory": "128Mi"}}
    spec = {"nodeName": "worker-1", "containers": [{"name": "api", "resources": resources}], **parts.pop("spec", {})}
    metadata = {"uid": "u1", "namespace": "shop", "name": "web-1", "resourceVersion": "7", **parts.pop("metadata", {})}
    return {"metadata": metadata, "spec": spec, "status": status or {}}


def restarted() -> dict[str, Any]:
    return {
        "containerStatuses": [
            {
                "name": "api",
                "restartCount": 3,
                "containerID": f"containerd://{NEW}",
                "state": {"running": {"startedAt": "2026-11-20T20:21:09Z"}},
                "lastState": terminated(),
            }
        ]
    }


def test_a_restarted_container_shows_its_last_end_and_what_runs_now():
    container = pod_facts(pod(restarted())).containers[0]
    assert (container.running_id, container.attempt) == (NEW, 3)
    assert container.running_since == datetime(2026, 11, 20, 20, 21, 9, tzinfo=UTC)
    assert container.terminations == (
        Termination(
            container_id=OLD,
            reason="OOMKilled",
            exit_code=137,
            started=datetime(2026, 11, 20, 20, 20, 7, tzinfo=UTC),
            finished=datetime(2026, 11, 20, 20, 21, 7, tzinfo=UTC),
            attempt=2,
        ),
    )


def test_a_container_in_crash_loop_shows_no_running_instance():
    status = {
        "containerStatuses": [
            {
                "name": "api",
                "restartCount": 3,
                "containerID": f"containerd://{OLD}",
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": terminated(),
            }
        ]
    }
    container = pod_facts(pod(status)).containers[0]
    assert container.running_id is None
    assert container.running_since is None
    assert container.container_ids == (OLD,)


def test_an_end_without_container_id_is_no_evidence():
    state = {"terminated": {"reason": "ContainerStatusUnknown", "exitCode": 137}}
    status = {"containerStatuses": [{"name": "api", "restartCount": 0, "state": state}]}
    assert pod_facts(pod(status)).containers[0].terminations == ()


def test_a_resized_limit_is_in_force_before_the_spec():
    status = restarted()
    status["containerStatuses"][0]["resources"] = {"limits": {"memory": "384Mi"}, "requests": {"memory": "1.5Gi"}}
    container = pod_facts(pod(status)).containers[0]
    assert (container.memory_limit, container.memory_request) == (384 * MI, 1536 * MI)


def test_limits_of_the_pod_and_of_three_kinds_of_containers():
    facts = pod_facts(
        pod(
            spec={
                "resources": {"limits": {"memory": "96Mi"}},
                "initContainers": [{"name": "migrate"}, {"name": "proxy", "restartPolicy": "Always"}],
                "ephemeralContainers": [{"name": "debug"}],
                "runtimeClassName": "gvisor",
            }
        )
    )
    assert {one.name: one.kind for one in facts.containers} == {
        "migrate": ContainerKind.INIT,
        "proxy": ContainerKind.SIDECAR,
        "api": ContainerKind.REGULAR,
        "debug": ContainerKind.EPHEMERAL,
    }
    assert (facts.memory_limit, facts.runtime_class) == (96 * MI, "gvisor")


@pytest.mark.parametrize(
    ("of_spec", "of_status", "own"),
    [
        (None, {"limits": {"memory": "48Mi"}, "requests": {"memory": "16Mi"}}, None),
        ({"requests": {"memory": "64Mi"}}, {"limits": {"memory": "48Mi"}, "requests": {"memory": "64Mi"}}, None),
        ({"limits": {"memory": "80Mi"}}, {"limits": {"memory": "96Mi"}, "requests": {"memory": "64Mi"}}, 96 * MI),
    ],
    ids=["the sum of two", "the sum beside a request", "resized"],
)
def test_a_kubelet_tells_the_sum_of_containers_where_no_manifest_sets_a_limit_of_the_pod(of_spec, of_status, own):
    """As a kubelet 1.36 wrote them; of a pod with one limited container beside another it tells that one's limit."""
    found = pod({"resources": of_status}, spec={"resources": of_spec} if of_spec else {})
    assert pod_facts(found).memory_limit == own


def test_a_mirror_pod_is_named_by_its_config_hash_too():
    facts = pod_facts(pod(metadata={"annotations": {"kubernetes.io/config.hash": "f" * 32}}))
    assert facts.is_named_by("u1")
    assert facts.is_named_by("f" * 32)
    assert not facts.is_named_by("")


def test_the_owner_is_the_controller():
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "1"},
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9c", "uid": "2", "controller": True},
    ]
    facts = pod_facts(pod(metadata={"ownerReferences": references, "labels": {"pod-template-hash": "7d9c"}}))
    assert facts.owner == OwnerReference(api_version="apps/v1", kind="ReplicaSet", name="web-7d9c", uid="2")
    assert facts.template_hash == "7d9c"


def test_ready_since_is_when_it_became_ready():
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T20:00:00Z"}
    assert pod_facts(pod({"conditions": [ready]})).ready_since == datetime(2026, 11, 20, 20, tzinfo=UTC)
    assert pod_facts(pod({"conditions": [{**ready, "status": "False"}]})).ready_since is None


@pytest.mark.parametrize(
    ("state", "shows"),
    [
        (terminated(), True),
        (terminated("Error"), True),
        (terminated("OOMKilled", 0), True),
        (terminated("Error", 1), False),
        ({"running": {}}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("where", ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"])
@pytest.mark.parametrize("which", ["state", "lastState"])
def test_a_possible_kill_is_seen_in_every_list_and_state(state: dict[str, Any], where: str, which: str, *, shows: bool):
    assert shows_a_possible_kill(pod({where: [{"name": "api", which: state}]})) is shows


def test_instances_are_those_that_run_and_those_that_ended():
    assert set(instances_of(pod(restarted()))) == {OLD, NEW}


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"metadata": None, "spec": None, "status": None},
        {"spec": {"containers": None}, "status": {"containerStatuses": None, "conditions": None}},
        {"spec": {"containers": [{}]}, "status": {"containerStatuses": [{"state": None}], "resources": []}},
    ],
)
def test_an_odd_pod_raises_nothing(broken: dict[str, Any]):
    facts = pod_facts(broken)
    assert facts.uid == ""
    assert not shows_a_possible_kill(broken)
    assert list(instances_of(broken)) == []


def test_a_time_needs_a_zone():
    assert parse_time("2026-11-20T20:21:07.433434Z") == datetime(2026, 11, 20, 20, 21, 7, 433434, tzinfo=UTC)
    assert parse_time("2026-11-20T20:21:07") is None
    assert parse_time("yesterday") is None
    assert parse_time(None) is None


def test_an_end_that_a_fast_clock_puts_in_the_future_was_when_it_was_seen() -> None:
    began, ended = datetime(2026, 11, 20, 20, 20, 7, tzinfo=UTC), datetime(2026, 11, 20, 20, 21, 7, tzinfo=UTC)
    end = Termination(container_id=OLD, started=began, finished=ended)
    seen = ended - timedelta(hours=1)
    assert end.seen_at(seen) == Termination(container_id=OLD, started=began - timedelta(hours=1), finished=seen)
    assert end.seen_at(ended) is end
    assert Termination(container_id=OLD).seen_at(seen) == Termination(container_id=OLD)


def test_a_pod_has_no_node_before_it_is_scheduled():
    assert node_name({"spec": {"nodeName": "worker-1"}}) == "worker-1"
    assert node_name({"spec": {}}) is None
    assert node_name({}) is None


def test_a_container_whose_limit_a_resize_wrote_last_is_named():
    def entry(subresource: str, which: str) -> dict[str, Any]:
        item = {'k:{"name":"api"}': {"f:resources": {which: {"f:memory": {}}}}}
        return {"manager": "vpa", "subresource": subresource, "fieldsV1": {"f:spec": {"f:containers": item}}}

    def resized(*entries: object) -> frozenset[str]:
        return pod_facts({"metadata": {"managedFields": [*entries]}}).resized

    assert resized(entry("resize", "f:limits")) == {"api"}
    assert resized(entry("resize", "f:requests"), entry("status", "f:limits"), "strange") == frozenset()


def test_an_instance_is_of_the_container_that_was_no_other_one_then():
    def at(seconds: float) -> datetime:
        return datetime(2026, 11, 20, 20, 0, tzinfo=UTC) + timedelta(seconds=seconds)

    lived = ContainerFacts(name="side", running_id="s1", running_since=at(0))
    ended = Termination(container_id="a9", started=at(60), finished=at(63))
    crashed = ContainerFacts(name="api", running_id="a10", running_since=at(70), attempt=9, terminations=(ended,))
    found = PodFacts(uid="u", namespace="shop", name="web", containers=(crashed, lived))

    def left(known: str | None, seconds: float) -> str | None:
        one = found.container_left(at(seconds), known)
        return one.name if one else None

    assert left("a1", 30) == "api"
    # Another instance of it ran then, the times are cut to seconds, or the record names none.
    assert (left("a5", 61.5), left("a1", 0.5), left(None, 30)) == (None, None, None)
    never_restarted = replace(found, containers=(replace(crashed, attempt=0), lived))
    assert never_restarted.container_left(at(30), "a1") is None
