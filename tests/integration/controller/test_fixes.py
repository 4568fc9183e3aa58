"""A recommendation that reaches the pods, holds or does not; what the controller sees of it, and what restarts lose."""

import time

from integration.controller.client import V1, Object, eventually, report_at
from integration.controller.conftest import Start
from integration.controller.shop import Pod, Shop, record, template_of
from integration.controller.test_reports import send, settled
from oomreport.adapters.cluster.api_server import path
from oomreport.workload.quantity import MI

QUICK = "--resolve-after=4s"


class Web:
    """A Deployment whose pods a test makes and deletes as its controller would; each revision has a ReplicaSet."""

    def __init__(self, shop: Shop, **metadata: Object) -> None:
        self.shop, self.name = shop, shop.name("web")
        spec = template_of({"app": self.name})
        self.top = shop.put("apps/v1", "deployments", "Deployment", self.name, spec=spec, **metadata)
        self.sets: dict[str, Object] = {}

    @property
    def report(self) -> str:
        return f"deployment-{self.name}-api"

    def pod(self, revision: str, number: int, limit: str | None = "256Mi") -> Pod:
        name = f"{self.name}-{revision}"
        if revision not in self.sets:
            spec = template_of({"app": self.name})
            self.sets[revision] = self.shop.put("apps/v1", "replicasets", "ReplicaSet", name, owner=self.top, spec=spec)
        labels = {"app": self.name, "pod-template-hash": revision}
        owner = self.sets[revision]
        return self.shop.pod(f"{name}-x{number}", owner=owner, labels=labels, containers={"api": limit})

    def killed(self, pod: Pod, limit: int = 256, **more: Object) -> None:
        memory = {"usageBytes": limit * MI, "limitBytes": limit * MI, "failureCount": 24, "stat": {"anon": limit * MI}}
        send(self.shop.client, record(pod, node=self.shop.node, memory=memory, **more))
        pod.ends()
        pod.run("api")

    def told(self, **reasons: str) -> Object:
        """Return the status once each named condition has its status and reason, written True/Reason."""

        def look() -> Object:
            report = report_at(self.shop.client, self.shop.namespace, self.report)
            assert report
            status: Object = report.get("status", {})
            found = {one["type"]: f"{one['status']}/{one['reason']}" for one in status.get("conditions", ())}
            assert reasons.items() <= found.items(), found
            return status

        return eventually(f"{self.report} {reasons}", look, seconds=20)


def test_from_the_kill_to_applied_resolved_and_regressed(shop: Shop, start: Start):
    start(QUICK)
    web = Web(shop)
    old = web.pod("7d9c", 1)
    web.killed(old)
    status = web.told(Applied="False/NotApplied", Resolved="False/NotApplied", Regressed="False/NotApplied")
    assert status["recommendation"]["memoryLimit"] == "384Mi"

    new = web.pod("8e0d", 2, "384Mi")
    web.told(Applied="False/RollingOut")
    old.vanish()
    status = web.told(Applied="True/Raised", Resolved="False/QuietWindow")
    assert status["applied"]["memoryLimit"] == "384Mi"
    assert status["applied"]["previousLimit"] == "256Mi"
    began = time.monotonic()
    web.told(Applied="True/Raised", Resolved="True/Quiet", Regressed="False/NotKilledAgain")
    print(f"resolved {time.monotonic() - began:.1f} s after it was applied, of 4 s")

    web.killed(new, 384)
    status = web.told(Applied="False/NotApplied", Resolved="False/NotApplied", Regressed="True/KilledAgain")
    assert status["recommendation"]["memoryLimit"] == "576Mi"
    assert status["recommendation"]["previousLimit"] == "384Mi"
    assert status["applied"]["memoryLimit"] == "384Mi"
    web.pod("9f1e", 3, "576Mi")
    new.vanish()
    status = web.told(Applied="True/Raised", Regressed="False/NotKilledAgain")
    assert status["applied"]["memoryLimit"] == "576Mi"
    assert status["kills"] == 2


def test_replicas_that_never_told_of_a_kill_are_looked_at_too(shop: Shop, start: Start):
    web = Web(shop)
    pods = [web.pod("7d9c", number) for number in range(1, 4)]
    start()
    web.killed(pods[0])
    web.told(Applied="False/NotApplied")
    web.pod("8e0d", 4, "384Mi")
    pods[0].vanish()

    def three_are_known() -> bool:
        conditions = web.told(Applied="False/RollingOut")["conditions"]
        message = next(one["message"] for one in conditions if one["type"] == "Applied")
        return bool(message == "1 of 3 pods have a memory limit of 384Mi or more")

    eventually("all three pods are known", three_are_known)
    pods[1].vanish()
    pods[2].vanish()
    web.told(Applied="True/Raised")


def test_a_resize_in_place_is_seen_and_one_that_is_taken_back_too(shop: Shop, start: Start):
    start()
    web = Web(shop)
    pod = web.pod("7d9c", 1)
    web.killed(pod)
    web.told(Applied="False/NotApplied")
    # What the kubelet says is in force, whatever the pod's spec says.
    for limit, told in (("640Mi", "True/Raised"), ("300Mi", "False/Reverted"), ("384Mi", "True/Raised")):
        pod.states["api"]["resources"] = {"limits": {"memory": limit}}
        pod._write()
        web.told(Applied=told)


def test_what_happens_while_no_controller_runs_is_seen_by_the_next(shop: Shop, start: Start):
    first = start(QUICK, "--no-leader-election")
    web = Web(shop)
    old = web.pod("7d9c", 1)
    web.killed(old)
    web.told(Applied="False/NotApplied")
    first.kill()
    new = web.pod("8e0d", 2, "384Mi")
    old.vanish()
    second = start(QUICK, "--no-leader-election")
    applied = web.told(Applied="True/Raised")["applied"]
    second.kill()
    time.sleep(4)
    third = start(QUICK, "--no-leader-election")
    status = web.told(Resolved="True/Quiet")
    assert status["applied"] == applied
    third.kill()
    web.killed(new, 384)
    start(QUICK, "--no-leader-election")
    status = web.told(Regressed="True/KilledAgain")
    assert status["applied"] == applied


def test_a_kill_of_an_old_pod_during_the_rollout_is_no_regression(shop: Shop, start: Start):
    start("--resolve-after=1h")
    web = Web(shop)
    old = web.pod("7d9c", 1)
    web.killed(old)
    web.pod("8e0d", 2, "384Mi")
    web.told(Applied="False/RollingOut")
    web.killed(old, 256)
    web.told(Applied="False/RollingOut", Regressed="False/NotApplied")
    # Its record arrives after it is gone, and the rollout over.
    late = record(old, node=shop.node, named=True)
    old.vanish()
    web.told(Applied="True/Raised")
    send(shop.client, late)
    eventually("it is counted", lambda: web.told(Applied="True/Raised")["kills"] == 3)
    status = web.told(Applied="True/Raised", Resolved="False/QuietWindow", Regressed="False/NotKilledAgain")
    assert status["recommendation"]["memoryLimit"] == "384Mi"


def test_who_keeps_the_manifest_is_in_the_report(shop: Shop, start: Start):
    start()
    labels = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    web = Web(shop, labels=labels)
    web.killed(web.pod("7d9c", 1))
    status = web.told(Applied="False/NotApplied")
    kept = {"tool": "Flux", "kind": "Kustomization", "name": "apps", "namespace": "flux-system"}
    assert status["managedBy"] == kept


def test_a_rejected_recommendation_is_reviewed_until_another_one_is_made(shop: Shop, start: Start):
    start()
    web = Web(shop)
    old = web.pod("7d9c", 1)
    web.killed(old)
    web.told(Reviewed="False/Pending")
    where = path(V1, "oomreports", namespace=shop.namespace, name=web.report)
    shop.client.merge(where, {"spec": {"review": {"decision": "Rejected", "reviewer": "ada"}}})
    status = web.told(Reviewed="True/Rejected")
    assert status["reviewed"] == {
        "decision": "Rejected",
        "generation": 2,
        "action": "RaiseLimit",
        "memoryLimit": "384Mi",
        "memoryRequest": "384Mi",
    }
    # The same kill again changes nothing that a reviewer has not said no to.
    web.killed(old)
    eventually("it is counted", lambda: web.told(Reviewed="True/Rejected")["kills"] == 2)
    web.killed(old, 512)
    status = web.told(Reviewed="False/RecommendationChanged")
    assert status["reviewed"]["memoryLimit"] == "384Mi"
    stamp = {"spec": {"review": {"decision": "Rejected", "time": "2026-11-21T08:00:00Z"}}}
    shop.client.merge(where, stamp)
    status = web.told(Reviewed="True/Rejected")
    assert status["reviewed"]["memoryLimit"] == status["recommendation"]["memoryLimit"]
    shop.client.merge(where, {"spec": {"review": {"decision": "Pending"}}})
    assert "reviewed" not in web.told(Reviewed="False/Pending")


def test_a_policy_decides_how_long_quiet_has_to_be_also_for_windows_that_are_open(shop: Shop, start: Start):
    start()
    web = Web(shop)
    old = web.pod("7d9c", 1)
    web.killed(old)
    web.pod("8e0d", 2, "384Mi")
    old.vanish()
    assert web.told(Applied="True/Raised", Resolved="False/QuietWindow")["applied"]["quietSeconds"] == 86_400
    policy = {"apiVersion": V1, "kind": "OOMPolicy", "metadata": {"name": "quick", "namespace": shop.namespace}}
    shop.client.create("oompolicies", policy | {"spec": {"review": {"resolveAfter": "2s"}}})
    shop.created.append(path(V1, "oompolicies", namespace=shop.namespace, name="quick"))
    assert web.told(Resolved="True/Quiet")["applied"]["quietSeconds"] == 2


def test_a_pod_without_an_owner_that_is_made_again_is_its_own_workload(shop: Shop, start: Start):
    start()
    pod = shop.pod(shop.name("bare"))
    send(shop.client, record(pod, node=shop.node))
    name = f"pod-{pod.name}-api"
    settled(shop, name, kills=1, verdict="KernelOnly")
    pod.vanish()
    shop.pod(pod.name, containers={"api": "1Gi"})

    def look() -> bool:
        status = (report_at(shop.client, shop.namespace, name) or {}).get("status", {})
        found = {one["type"]: one["status"] for one in status.get("conditions", ())}
        return found.get("Applied") == "True"

    eventually("it is applied", look)
