"""Which policies hold for a container, and whose advice a change concerns."""

import asyncio
from typing import Any

from oomreport.controller.known.policies import Policies
from oomreport.controller.known.rule_changes import RuleChanges
from oomreport.controller.work.keys import ReportKey, report_key
from oomreport.incident.witness.policy import DEFAULT
from oomreport.workload.owner import Workload
from oomreport.workload.quantity import GI

SYSTEM = "oomreport-system"
WEB = Workload(api_version="apps/v1", kind="Deployment", name="web")
KEY: ReportKey = report_key("shop", WEB, "api")


def policy(namespace: str, name: str = "default", **rules: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"recommendation": rules}}


def report(advice: dict[str, Any] | None, namespace: str = "shop") -> dict[str, Any]:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    status = {"recommendation": advice} if advice is not None else {}
    return {"metadata": {"namespace": namespace}, "spec": {"workloadRef": ref, "container": "api"}, "status": status}


def with_all(*policies: dict[str, Any], changes: RuleChanges | None = None) -> Policies:
    found = Policies(SYSTEM, changes)
    for one in policies:
        found.take(None, one)
    found.listed(frozenset((one["metadata"]["namespace"], one["metadata"]["name"]) for one in policies))
    return found


def test_the_namespaces_own_wins_and_of_several_the_later_by_name():
    found = with_all(
        policy("shop", "b", headroomPercent=40),
        policy("shop", "a", headroomPercent=30, maxRaises=2),
        policy(SYSTEM, "z", headroomPercent=10, maxMemory="4Gi"),
        policy("other", maxMemory="1Gi"),
    ).policy_of(KEY)
    assert (found.headroom_percent, found.most_raises, found.maximum) == (40, 2, 4 * GI)


def test_a_policy_that_is_deleted_holds_no_more_also_when_nobody_told_of_it():
    policies = with_all(policy("shop", maxMemory="1Gi"))
    policies.take("DELETED", policy("shop", maxMemory="1Gi"))
    assert policies.policy_of(KEY) == DEFAULT
    policies.take("ADDED", policy("shop", maxMemory="1Gi"))
    policies.listed(frozenset())
    assert policies.policy_of(KEY) == DEFAULT
    policies.take("DELETED", policy("shop", maxMemory="1Gi"))


def test_a_change_concerns_its_namespace_and_the_clusters_policy_all():
    async def story() -> list[list[str | None]]:
        changes = RuleChanges()
        policies = with_all(changes=changes)
        found = [await changes.namespaces()]
        policies.take("ADDED", policy("shop", maxMemory="1Gi"))
        policies.take("ADDED", policy("attic", maxMemory="1Gi"))
        found.append(await changes.namespaces())
        policies.take("MODIFIED", policy("shop", maxMemory="2Gi"))
        policies.take("ADDED", policy(SYSTEM, maxMemory="2Gi"))
        found.append(await changes.namespaces())
        policies.take("MODIFIED", policy(SYSTEM, maxMemory="2Gi"))
        try:
            await asyncio.wait_for(changes.namespaces(), 0.5)
        except TimeoutError:
            found.append([])
        return found

    assert asyncio.run(story()) == [[None], ["attic", "shop"], [None], []]


def test_advice_is_outdated_by_other_rules_and_by_rules_that_were_not_known():
    policies = with_all(policy("shop", maxMemory="4096Mi"))
    assert not policies.outdate(report({"action": "None", "policy": {"maxMemory": "4Gi"}}))
    assert policies.outdate(report({"action": "None", "policy": {"maxMemory": "4Gi", "maxRaises": 2}}))
    assert policies.outdate(report({"action": "None"}))
    assert not policies.outdate(report({"action": "None"}, "elsewhere"))
    assert policies.outdate(report({"action": "None", "unknown": ["OOMPolicies"]}, "elsewhere"))
    assert not policies.outdate(report(None))


def test_while_policies_cannot_be_read_no_advice_is_outdated():
    policies = with_all(policy("shop", maxMemory="4Gi"))
    policies.lost()
    assert not policies.outdate(report({"action": "None"}))
    assert policies.policy_of(KEY).maximum == 4 * GI
