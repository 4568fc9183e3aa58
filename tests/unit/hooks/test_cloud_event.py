"""Bodies of events: CloudEvents 1.0, bounded, with an ID that never changes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from oomreport.hooks.cloud_event import MOST_BYTES, Digest, cloud_event, digest_event
from oomreport.hooks.event import Event, EventType
from oomreport.incident.report.status import ReportStatus
from oomreport.workload.owner import Workload

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
LAST = {
    "id": "rec-1",
    "time": "2026-11-21T08:00:00.000000Z",
    "verdict": "Confirmed",
    "cause": "ContainerLimit",
    "silent": False,
}


def event(occasion: str = "rec-1", type_: EventType = EventType.OOM_KILLED, **status: Any) -> Event:
    ledger = [{"id": "rec-1", "containerID": "c1", "time": "2026-11-21T08:00:00Z", "verdict": "Confirmed"}]
    return Event(
        type=type_,
        occasion=occasion,
        time=NOW,
        namespace="shop",
        report="deployment-web-api",
        report_uid="9b02072e",
        workload=Workload(api_version="apps/v1", kind="Deployment", name="web"),
        container="api",
        status=ReportStatus.of({"kills": 3, "lastKill": LAST, "counted": ledger, **status}),
    )


def test_an_event_has_what_cloud_events_require_and_names_report_and_kill():
    found = json.loads(cloud_event(event()))
    assert {key: found[key] for key in ("specversion", "type", "source", "subject", "time")} == {
        "specversion": "1.0",
        "type": "dev.oomreport.v1alpha1.OOMKilled",
        "source": "/apis/oomreport.dev/v1alpha1/namespaces/shop/oomreports/deployment-web-api",
        "subject": "Deployment/web/api",
        "time": "2026-11-21T08:00:00.000000Z",
    }
    assert found["data"]["kill"] == LAST
    assert found["id"] == event().id == event(kills=9).id
    assert event(type_=EventType.REPEATED).id != event().id


def test_a_kill_known_by_pod_status_first_is_found_by_its_record_later_under_the_same_id():
    one = event("container-c1")
    assert one.kill
    assert one.kill.as_json() == LAST
    assert not one.is_denied


def test_a_kill_that_the_kernel_denies_is_known_as_such():
    ledger = [{"id": "container-c1", "containerID": "c1", "time": "2026-11-21T08:00:00Z", "verdict": "Contradicted"}]
    assert event("container-c1", counted=ledger).is_denied


def test_a_body_stays_small_and_keeps_what_matters_most():
    big = {**LAST, "tasks": [{"pid": 7, "comm": "x" * 200}] * 400, "memory": {"limitBytes": 7, "stat": {"a": 1}}}
    body = cloud_event(event(lastKill=big, recommendation={"action": "RaiseLimit", "basis": "because"}))
    found = json.loads(body)["data"]
    assert len(body) <= MOST_BYTES
    assert "tasks" not in found["kill"]
    assert (found["kill"]["memory"]["limitBytes"], found["truncated"]) == (7, True)
    huge = {
        "findings": [{"rule": "R", "severity": "Info", "message": "x" * 1000}] * 200,
        "lastKill": {**big, "victim": {"pid": 7, "comm": "y" * 70_000}},
    }
    body = cloud_event(event(**huge, recommendation={"action": "RaiseLimit", "basis": "because"}))
    assert len(body) <= MOST_BYTES
    assert json.loads(body)["data"]["recommendation"] == {"action": "RaiseLimit", "basis": "because"}


def test_a_digest_counts_and_names_its_events():
    later = NOW + timedelta(minutes=5)
    many = Event(
        **{
            field: getattr(event(), field)
            for field in Event.__slots__
            if field not in ("kills", "last_time", "occasion")
        },
        occasion="rec-0",
        kills=40,
        last_time=later,
    )
    found = json.loads(digest_event(Digest(id="d1", hook="shop/chat", events=[event(), many])))
    assert (found["id"], found["type"]) == ("d1", "dev.oomreport.v1alpha1.Digest")
    assert found["data"]["count"] == 41
    assert found["data"]["lastTime"] == "2026-11-21T08:05:00.000000Z"
    assert {one["id"] for one in found["data"]["events"]} == {event().id, many.id}


def test_a_cluster_with_a_name_is_the_authority_of_the_source():
    one = json.loads(cloud_event(event(), cluster="prod-eu"))
    digest = json.loads(digest_event(Digest(id="d1", hook="shop/chat", events=[event()]), cluster="prod-eu"))
    assert one["source"].startswith("//prod-eu/apis/oomreport.dev/v1alpha1/namespaces/")
    assert digest["source"].startswith("//prod-eu/apis/oomreport.dev/v1alpha1/namespaces/shop/oomhooks/")
    assert one["id"] == json.loads(cloud_event(event()))["id"]
