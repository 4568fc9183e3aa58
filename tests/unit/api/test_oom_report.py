from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from oomreport.api.oom_report import OOMReport
from oomreport.incident.report.decision import decide
from oomreport.incident.witness.evidence import Evidence, Patience, record_facts
from oomreport.incident.witness.ledger import MOST_COUNTED
from oomreport.workload.owner import Workload
from oomreport.workload.pod import pod_facts

AT = "2026-11-20T20:21:07.433434Z"
VICTIM = {"pid": 212, "comm": "node", "oomScore": 1873, "oomScoreAdj": 939, "anonRSSBytes": 55271424, "reaped": False}


def report(**status: Any) -> dict[str, Any]:
    """Return the example of the API page, with a status that holds what is given beside its numbers."""
    return {
        "apiVersion": "oomreport.dev/v1alpha1",
        "kind": "OOMReport",
        "metadata": {"name": "deployment-web-api", "namespace": "shop"},
        "spec": {
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "container": "api",
            "review": {"decision": "Pending", "reviewer": "", "note": ""},
        },
        "status": {"kills": 12, "firstKillTime": AT, "lastKillTime": AT} | status,
    }


LAST_KILL = {
    "id": "worker-3-9f1c2b7a-35435120",
    "time": AT,
    "pod": "web-7d9c-x2x4z",
    "podUID": "9b02072e-3bc7-46e9-a439-c8eaf034527b",
    "node": "worker-3",
    "containerID": "7a" * 32,
    "restartCount": 11,
    "verdict": "Confirmed",
    "cause": "ContainerLimit",
    "scope": "Container",
    "silent": False,
    "victim": VICTIM,
    "victims": 1,
    "trigger": {"comm": "node", "pid": 212},
    "memory": {"usageBytes": 58720256, "limitBytes": 58720256, "stat": {"anon": 57610240}},
    "tasks": [{"pid": 212, "comm": "node", "rssBytes": 56000000, "oomScoreAdj": 939}],
    "usage": {"startTime": AT, "intervalSeconds": 5.0, "bytes": [1, 2]},
    "recordName": "worker-3-9f1c2b7a-35435120",
    "termination": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-11-20T20:21:07Z"},
}


def test_a_report_is_read_and_written_without_loss() -> None:
    whole = report(
        observedGeneration=2,
        lastKill=LAST_KILL,
        recentKills=[
            {
                "id": "worker-3-9f1c2b7a-35435120",
                "time": AT,
                "pod": "web-7d9c-x2x4z",
                "node": "worker-3",
                "verdict": "Confirmed",
                "cause": "ContainerLimit",
                "victim": "node",
                "limitBytes": 58720256,
            }
        ],
        counted=[{"id": "a", "containerID": "7a" * 32, "time": AT, "verdict": "KernelOnly"}],
        settledBefore=AT,
        findings=[{"rule": "PageCacheIsNotTheCause", "severity": "Info", "message": "file pages: 12288 bytes"}],
        recommendation={
            "action": "RaiseLimit",
            "memoryLimit": "320Mi",
            "memoryRequest": "320Mi",
            "previousLimit": "256Mi",
            "confidence": "High",
            "basis": "peak 256Mi at the limit, third kill in 2 h, growth 4Mi/min",
        },
        deliveries=[
            {
                "hook": "shop/chat",
                "killID": "a",
                "event": "OOMKilled",
                "time": AT,
                "state": "Pending",
                "attempts": 2,
                "firstAttemptTime": AT,
                "nextAttemptTime": "2026-11-20T20:22:07.500000Z",
                "lastError": "503",
                "kills": 3,
                "lastTime": AT,
            }
        ],
        killTimes=[AT],
        changes=[{"time": AT, "hook": "shop/raise", "what": "limit", "before": 1, "after": 2, "message": "raised"}],
        conditions=[
            {
                "type": "Correlated",
                "status": "True",
                "observedGeneration": 2,
                "lastTransitionTime": "2026-11-20T20:21:08Z",
                "reason": "Confirmed",
                "message": "",
            }
        ],
    )

    assert OOMReport.model_validate(whole).as_json() == whole


def evidence(**record: Any) -> Evidence:
    """Return a container that was killed, ended OOMKilled and runs again; `record` is added to the kernel's record."""
    ended, running = "7a" * 32, "8b" * 32
    spec = {
        "nodeName": "worker-3",
        "time": AT,
        "source": "Kmsg",
        "scope": "Container",
        "oomMemcg": f"/kubepods/burstable/pod9b02072e-3bc7-46e9-a439-c8eaf034527b/{ended}",
        "victims": [VICTIM],
        "victimCount": 1,
        "subject": {"podUID": "9b02072e-3bc7-46e9-a439-c8eaf034527b", "containerID": ended, "container": "api"},
        **{key: LAST_KILL[key] for key in ("trigger", "memory", "tasks", "usage")},
    }
    container = {"name": "api", "resources": {"limits": {"memory": "56Mi"}}}
    terminated = {
        "containerID": f"containerd://{ended}",
        "reason": "OOMKilled",
        "exitCode": 137,
        "startedAt": "2026-11-20T20:20:00Z",
        "finishedAt": "2026-11-20T20:21:07Z",
    }
    status = {
        "name": "api",
        "containerID": f"containerd://{running}",
        "restartCount": 11,
        "state": {"running": {"startedAt": "2026-11-20T20:21:09Z"}},
        "lastState": {"terminated": terminated},
    }
    pod = {
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "9b02072e-3bc7-46e9-a439-c8eaf034527b"},
        "spec": {"nodeName": "worker-3", "containers": [container]},
        "status": {"containerStatuses": [status]},
    }
    facts = record_facts({"metadata": {"name": "worker-3-9f1c2b7a-35435120"}, "spec": spec | record})
    assert facts is not None
    return Evidence(
        now=datetime(2026, 11, 20, 20, 22, tzinfo=UTC),
        workload=Workload(api_version="apps/v1", kind="Deployment", name="web"),
        container="api",
        generation=1,
        records=(facts,),
        pods=(pod_facts(pod),),
    )


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"scope": "Node", "oomMemcg": None},
        {"scope": "Unknown", "source": "CgroupCounter", "victims": [], "victimCount": 0, "missing": ["KillLine"]},
        {"lostBefore": 7, "victims": [{"pid": 1, "comm": "a\nb\x1b", "uid": 4294967295, "reaped": True}]},
    ],
)
def test_what_the_controller_decides_is_what_the_api_keeps(record: dict[str, Any]) -> None:
    decision = decide(evidence(**record), Patience())

    assert decision.status["kills"] == 1
    assert decision.status["lastKill"]["verdict"] == "Confirmed"
    parsed = OOMReport.model_validate(report() | {"status": decision.status})
    assert parsed.as_json()["status"] == {"deliveries": [], "changes": [], "killTimes": []} | decision.status


def test_a_report_without_a_review_waits_for_one() -> None:
    raw = report()
    del raw["spec"]["review"]

    assert OOMReport.model_validate(raw).spec.review.decision == "Pending"


def test_a_kill_that_only_pod_status_tells_has_no_victim() -> None:
    kill = {"time": AT, "verdict": "StatusOnly", "cause": "Unknown", "pod": "web", "containerID": "7a" * 32}

    last = OOMReport.model_validate(report(lastKill=kill)).status
    assert last is not None
    assert last.last_kill is not None
    assert last.last_kill.victim is None


def test_the_ledger_is_bounded() -> None:
    entries = [{"id": str(n), "time": AT, "verdict": "Confirmed"} for n in range(MOST_COUNTED + 1)]

    assert OOMReport.model_validate(report(counted=entries[:-1]))
    with pytest.raises(ValidationError, match="counted"):
        OOMReport.model_validate(report(counted=entries))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lastKill", LAST_KILL | {"verdict": "Probably"}),
        ("lastKill", LAST_KILL | {"cause": "Bad luck"}),
        ("recommendation", {"action": "RaiseLimit", "memoryLimit": "320MB"}),
        (
            "conditions",
            [{"type": "Correlated", "status": "Maybe", "lastTransitionTime": AT, "reason": "A", "message": ""}],
        ),
        ("kills", -1),
    ],
)
def test_what_is_no_status_is_refused_with_the_fields_name(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        OOMReport.model_validate(report(**{field: value}))


def test_a_report_of_the_last_release_is_valid_and_loses_nothing_but_what_is_not_used_any_more() -> None:
    kill = {"id": "a", "time": AT, "verdict": "Confirmed", "cause": "ContainerLimit", "limitBytes": 1, "shape": "Cycle"}
    advice = {"action": "RaiseLimit", "memoryLimit": "320Mi", "previousLimit": "256Mi", "basis": "the limit fired"}
    stored = report(recentKills=[kill], recommendation=advice)

    read = OOMReport.model_validate(stored).as_json()["status"]
    assert read["recentKills"] == [kill]
    assert read["recommendation"] == advice
    assert {"usageSince", "forecast"}.isdisjoint(read)
