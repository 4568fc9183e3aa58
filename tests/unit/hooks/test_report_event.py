"""What `kubectl describe oomreport` shows as Events."""

from typing import Any

import pytest

from oomreport.hooks.event import EventType
from oomreport.hooks.report_event import report_event
from oomreport.incident.kill import Cause
from oomreport.incident.report.notice import ReportObject
from oomreport.incident.report.status import Condition, ReportStatus
from oomreport.incident.witness.evidence import HOST_CONTAINER
from oomreport.kernel.record import MemoryUsage
from oomreport.workload.quantity import MI
from support.evidence import after, kill

REPORT = ReportObject(namespace="shop", name="deployment-web-api", container="api", uid="r1")


def made(type_: EventType, status: ReportStatus, report: ReportObject = REPORT) -> dict[str, Any]:
    return report_event(type_, status, report=report, now=after(0), instance="controller-1")


def killed(kill_id: str, **fields: Any) -> ReportStatus:
    return ReportStatus(last_kill=kill(id=kill_id, pod=f"web-{kill_id}", cause=Cause.CONTAINER_LIMIT, **fields))


def test_kills_of_one_limit_are_one_event_whatever_the_pod() -> None:
    at_256, at_512 = MemoryUsage(limit_bytes=256 * MI), MemoryUsage(limit_bytes=512 * MI)
    first, second, raised = (
        made(EventType.OOM_KILLED, killed(name, memory=memory))
        for name, memory in (("a", at_256), ("b", at_256), ("c", at_512))
    )
    assert (first["type"], first["reason"]) == ("Warning", "OOMKilled")
    assert first["note"] == "Container api: a process was OOM-killed at a limit of 256Mi, cause ContainerLimit"
    assert first["regarding"] == {
        "apiVersion": "oomreport.dev/v1alpha1",
        "kind": "OOMReport",
        "namespace": "shop",
        "name": "deployment-web-api",
        "uid": "r1",
    }
    assert first["metadata"] == second["metadata"] != raised["metadata"]


@pytest.mark.parametrize(
    ("type_", "condition", "kind"),
    [
        (EventType.RECOMMENDATION_READY, "Recommended", "Normal"),
        (EventType.APPLIED, "Applied", "Normal"),
        (EventType.RESOLVED, "Resolved", "Normal"),
        (EventType.REGRESSED, "Regressed", "Warning"),
        (EventType.NEAR_LIMIT, "AtRisk", "Warning"),
    ],
)
def test_what_became_of_a_report_is_told_in_its_conditions_words(type_: EventType, condition: str, kind: str) -> None:
    found = Condition(
        type=condition, status="True", last_transition_time=after(0), reason="Raised", message="all pods have 224Mi"
    )
    event = made(type_, ReportStatus(conditions=(found,)))
    assert (event["type"], event["reason"]) == (kind, type_)
    assert event["note"] == "Container api, Raised: all pods have 224Mi"


def test_a_node_has_no_container_of_that_name() -> None:
    host = ReportObject(namespace="oomreport-system", name="node-a-host", container=HOST_CONTAINER, uid="r2")
    assert made(EventType.OOM_KILLED, killed("a"), host)["note"].startswith("The node itself: a process was OOM-killed")
