"""From the recommendation to the fix, on a real node: set as somebody would in Git, it reaches the pods, holds, and
fails.

What is set is always the report's own number; the kernel's raw ring says whether the pods are still killed.
"""

import json

from e2e.kube import Object, apply, eventually, item, items, kubectl
from e2e.nodes import Node
from e2e.reports import report_of, settled_report
from e2e.witness import kills_of_pod, pods, running_id
from e2e.workloads import MIB, container, deployment, pod_spec
from oomreport.workload.quantity import parse_quantity

WINDOW_SECONDS = 15
LOAD = 100


def quick_policy(namespace: str) -> Object:
    return {
        "apiVersion": "oomreport.dev/v1alpha1",
        "kind": "OOMPolicy",
        "metadata": {"name": "quick", "namespace": namespace},
        "spec": {"review": {"resolveAfter": f"{WINDOW_SECONDS}s"}},
    }


def set_on_deployment(namespace: str, name: str, **values: object) -> None:
    """Change the container of a Deployment, as a controller of deployments would after a merge."""
    change = {"spec": {"template": {"spec": {"containers": [{"name": "api", **values}]}}}}
    kubectl("patch", "deployment", name, "-n", namespace, "--type=strategic", "-p", json.dumps(change))


def limits(advice: Object) -> Object:
    """The resources that a recommendation asks for."""
    request = {"requests": {"memory": advice["memoryRequest"]}} if "memoryRequest" in advice else {}
    return {"limits": {"memory": advice["memoryLimit"]}, **request}


def told(namespace: str, name: str, *, seconds: float = 60, **reasons: str) -> Object:
    """Return the status of the report once each named condition has its status and reason, written True/Reason."""

    def look() -> Object:
        report = report_of(namespace, "Deployment", name)
        assert report, "no report"
        status: Object = report.get("status", {})
        found = {one["type"]: f"{one['status']}/{one['reason']}" for one in status.get("conditions", ())}
        assert reasons.items() <= found.items(), found
        return status

    return eventually(f"{name} {reasons}", look, seconds=seconds)


def only_pod(namespace: str, limit: str) -> Object:
    """Return the one pod that runs, once it has the limit."""

    def look() -> Object | None:
        found = [one for one in pods(namespace) if "deletionTimestamp" not in one["metadata"]]
        has = [one for one in found if one["spec"]["containers"][0]["resources"]["limits"]["memory"] == limit]
        return has[0] if len(found) == len(has) == 1 and running_id(has[0], "api") else None

    return eventually(f"one pod with {limit}", look, seconds=60)


def message(status: Object, kind: str) -> str:
    return str(next(one["message"] for one in status["conditions"] if one["type"] == kind))


def test_from_the_first_kill_to_applied_resolved_regressed_and_applied_again(namespace: str) -> None:
    apply(quick_policy(namespace), deployment("web", namespace, pod_spec(container("self", str(LOAD), "2", "5"))))
    settled_report(namespace, "Deployment", "web", verdict="Confirmed")
    status = told(namespace, "web", Applied="False/NotApplied", Reviewed="False/Pending")
    first = status["recommendation"]
    assert (first["action"], first["previousLimit"]) == ("RaiseLimit", "64Mi")
    assert (parse_quantity(first["memoryLimit"]) or 0) > LOAD * MIB
    assert status["managedBy"] == {"tool": "Kubectl", "fieldManager": "kubectl-client-side-apply"}
    report = report_of(namespace, "Deployment", "web")
    assert report
    review = {"spec": {"review": {"decision": "Accepted", "reviewer": "ada", "note": "it starts with 100 MiB"}}}
    kubectl("patch", "oomreport", report["metadata"]["name"], "-n", namespace, "--type=merge", "-p", json.dumps(review))
    told(namespace, "web", Reviewed="True/Accepted")

    before = [one["metadata"]["uid"] for one in pods(namespace)]
    set_on_deployment(namespace, "web", resources=limits(first))
    status = told(namespace, "web", Applied="True/Raised", Resolved="False/QuietWindow")
    print("applied:", status["applied"], message(status, "Applied"))
    assert status["applied"]["memoryLimit"] == first["memoryLimit"]
    assert status["applied"]["previousLimit"] == "64Mi"
    held = only_pod(namespace, first["memoryLimit"])
    status = told(
        namespace, "web", seconds=status["applied"]["quietSeconds"] + 30, Resolved="True/Quiet", Applied="True/Raised"
    )
    print("resolved:", message(status, "Resolved"))
    assert status["kills"] == sum(len(kills_of_pod(uid)) for uid in before)
    assert kills_of_pod(held["metadata"]["uid"]) == []
    running = item("pod", held["metadata"]["name"], namespace)
    assert running
    assert running["status"]["containerStatuses"][0]["restartCount"] == 0

    # The next release needs more than what was recommended.
    load = (parse_quantity(first["memoryLimit"]) or 0) // MIB + 64
    set_on_deployment(namespace, "web", args=["self", str(load), "2", "5"])
    status = told(
        namespace, "web", Regressed="True/KilledAgain", Applied="False/NotApplied", Resolved="False/NotApplied"
    )
    second = status["recommendation"]
    print("regressed:", message(status, "Regressed"), "->", second["memoryLimit"])
    assert second["previousLimit"] == first["memoryLimit"]
    assert (parse_quantity(second["memoryLimit"]) or 0) > load * MIB
    assert status["applied"]["memoryLimit"] == first["memoryLimit"]
    # What was accepted was another number.
    told(namespace, "web", Reviewed="False/RecommendationChanged")

    set_on_deployment(namespace, "web", resources=limits(second))
    status = told(namespace, "web", Applied="True/Raised", Regressed="False/NotKilledAgain")
    assert status["applied"]["memoryLimit"] == second["memoryLimit"]
    status = told(namespace, "web", seconds=status["applied"]["quietSeconds"] + 30, Resolved="True/Quiet")
    print("resolved again:", message(status, "Resolved"))
    held = only_pod(namespace, second["memoryLimit"])
    assert kills_of_pod(held["metadata"]["uid"]) == []


def test_a_rollout_with_old_and_new_pods_is_not_applied_until_the_old_ones_are_gone(namespace: str) -> None:
    # Three pods of which each loses a child and lives on: nothing restarts, and old pods stay until they are replaced.
    template = pod_spec(container("child", str(LOAD), "1", "4", "5"))
    apply(quick_policy(namespace), deployment("trio", namespace, template, replicas=3))

    def all_killed() -> bool:
        found = pods(namespace)
        return len(found) == 3 and all(kills_of_pod(one["metadata"]["uid"]) for one in found)

    eventually("each of three pods has lost a child", all_killed, seconds=90)
    status = told(namespace, "trio", Applied="False/NotApplied")
    advice = status["recommendation"]
    pause = {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}, "minReadySeconds": 6}}
    kubectl("patch", "deployment", "trio", "-n", namespace, "--type=merge", "-p", json.dumps(pause))
    set_on_deployment(namespace, "trio", resources=limits(advice))
    status = told(namespace, "trio", Applied="False/RollingOut")
    print("rolling out:", message(status, "Applied"))
    status = told(namespace, "trio", Applied="True/Raised", Regressed="False/NotKilledAgain", seconds=90)
    left = {one["spec"]["containers"][0]["resources"]["limits"]["memory"] for one in pods(namespace) if _stays(one)}
    assert left == {advice["memoryLimit"]}


def test_a_resize_in_place_is_applied_without_a_restart(namespace: str, node: Node) -> None:
    apply(
        quick_policy(namespace), deployment("grown", namespace, pod_spec(container("child", str(LOAD), "1", "4", "5")))
    )
    status = told(namespace, "grown", Applied="False/NotApplied", seconds=90)
    found = pods(namespace)[0]
    before = running_id(found, "api")
    change = {"spec": {"containers": [{"name": "api", "resources": limits(status["recommendation"])}]}}
    name = found["metadata"]["name"]
    kubectl("patch", "pod", name, "-n", namespace, "--subresource=resize", "-p", json.dumps(change))
    told(namespace, "grown", Applied="True/ResizedInPlace")
    after = next(one for one in items("pods", namespace) if one["metadata"]["name"] == name)
    assert after["metadata"]["uid"] == found["metadata"]["uid"]
    # A kill that takes the container along starts it again, and may come once more before the resize.
    assert node.groups or running_id(after, "api") == before
    # The manifest still has the old limit, and the next pod would get that.
    told(namespace, "grown", Resolved="False/ResizedInPlace")


def _stays(found: Object) -> bool:
    return "deletionTimestamp" not in found["metadata"]
