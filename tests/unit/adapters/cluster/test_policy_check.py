"""What a policy names is there, or is told."""

from typing import Any

from oomreport.adapters.cluster.policy_check import PolicyCheck
from oomreport.errors import ApiError

GROUP = "/apis/oomreport.dev/v1alpha1"
DEPLOYMENT = {"spec": {"template": {"spec": {"containers": [{"name": "api"}]}}}}


class Answers:
    """An API server with policies, a report of Deployment web, and that Deployment."""

    def __init__(self, *overrides: dict[str, Any], namespace: str = "shop") -> None:
        reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        report = {"metadata": {"namespace": "shop"}, "spec": {"workloadRef": reference, "container": "api"}}
        policy = {"metadata": {"namespace": namespace, "name": "own"}, "spec": {"overrides": [*overrides]}}
        self.known = {
            f"{GROUP}/oompolicies": {"items": [policy]},
            f"{GROUP}/oomreports": {"items": [report]},
            "/apis/apps/v1/namespaces/shop/deployments/calm": DEPLOYMENT,
        }

    def get(self, path: str, **_: str) -> dict[str, Any]:
        if path not in self.known:
            raise ApiError(path, status=404)
        return self.known[path]


def idle(*overrides: dict[str, Any], namespace: str = "shop") -> list[str]:
    return [*PolicyCheck(Answers(*overrides, namespace=namespace)).idle_overrides("oomreport-system")]


def test_an_override_that_names_nothing_is_told_with_what_is_missing() -> None:
    assert idle(
        {"kind": "Deployment", "name": "wbe"},
        {"kind": "Deployment", "name": "calm", "container": "ap"},
    ) == [
        "OOMPolicy shop/own, overrides[0]: there is no Deployment wbe in namespace shop",
        "OOMPolicy shop/own, overrides[1]: Deployment calm has no container ap, but api",
    ]


def test_an_override_for_what_was_killed_or_may_be_is_no_mistake() -> None:
    assert idle({"kind": "deployment", "name": "web"}, {"kind": "Deployment", "name": "calm"}) == []
    assert idle({"container": "sidecar"}, {"kind": "Rollout", "name": "web"}) == []
    assert idle({"kind": "Deployment", "name": "wbe"}, namespace="oomreport-system") == []


def test_a_policy_is_told_with_the_reports_of_its_namespace() -> None:
    assert PolicyCheck(Answers()).policies_and_their_reports() == {"shop/own": 1}
