"""An event as CloudEvents 1.0 in structured mode.

Receivers of hooks get it as application/cloudevents+json.

    id        the same for each attempt; receivers drop what they have by it
    source    the report, as the path of its URL at the API server; //NAME before it where the cluster has a name
    type      dev.oomreport.v1alpha1.<event>; the version is that of the data
    subject   <kind>/<name>/<container>
    time      when it happened
    data      what happened, of what, the kill, and the advice, in the words of the OOMReport

A body stays below 64 KiB, which CloudEvents asks every intermediary to forward: details of the kill go where it would
not.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oomreport.hooks.event import Event
from oomreport.incident.api_json import as_json
from oomreport.names import API_VERSION, OOM_HOOKS, OOM_REPORTS
from oomreport.times import rfc3339

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
MOST_BYTES = 64 * 1024 - 1024
_TYPE = f"dev.{API_VERSION.split('.')[0]}.{API_VERSION.split('/')[1]}"
# What is dropped of the data where it is too long, the least useful first.
_DROPPED = (("kill", "tasks"), ("kill", "usage"), ("findings",), ("kill", "memory", "stat"), ("conditions",), ("kill",))
MOST_OF_DIGEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Events of one hook that are told at once, since they were more than its rate limit."""

    id: str
    hook: str
    events: Sequence[Event]


def data_of(event: Event) -> dict[str, Any]:
    """Return the data of a CloudEvent; a hook's filter sees it as `event`."""
    status, workload = event.status, event.workload
    data = {
        "event": event.type.value,
        "time": rfc3339(event.time),
        "report": {"namespace": event.namespace, "name": event.report, "uid": event.report_uid},
        "workload": {
            "apiVersion": workload.api_version,
            "kind": workload.kind,
            "name": workload.name,
            "labels": dict(event.labels),
        },
        "container": event.container,
        "kills": status.kills,
        "killsTold": event.kills if event.kills > 1 else None,
        "lastTime": rfc3339(event.last_time) if event.last_time else None,
        "kill": event.kill.as_json() if event.kill else None,
        "recommendation": as_json(status.recommendation) if status.recommendation else None,
        "findings": [as_json(one) for one in status.findings],
        "conditions": [as_json(one) for one in status.conditions],
    }
    return {key: value for key, value in data.items() if value is not None}


def cloud_event(event: Event, *, cluster: str = "", most_bytes: int = MOST_BYTES) -> bytes:
    """Return the body of one event; `cluster` is the cluster's name, empty where it has none."""
    workload = event.workload
    envelope = _envelope(
        id_=event.id,
        source=_source(cluster, event.namespace, OOM_REPORTS, event.report),
        type_=event.type.value,
        subject=f"{workload.kind}/{workload.name}/{event.container}",
        time=event.time,
    )
    data = data_of(event)
    body = _json({**envelope, "data": data})
    for where in _DROPPED:
        if len(body) <= most_bytes:
            break
        data = _without(data, where) | {"truncated": True}
        body = _json({**envelope, "data": data})
    return body


def digest_event(digest: Digest, *, cluster: str = "", most_bytes: int = MOST_BYTES) -> bytes:
    """Return the body of a digest: how many kills of which containers, between when and when."""
    events = sorted(digest.events, key=lambda event: (event.time, event.id))
    namespace, _, name = digest.hook.partition("/")
    first, last = min(event.time for event in events), max(event.last_time or event.time for event in events)
    envelope = _envelope(
        id_=digest.id,
        source=_source(cluster, namespace, OOM_HOOKS, name),
        type_="Digest",
        subject=digest.hook,
        time=last,
    )
    data: dict[str, Any] = {
        "event": "Digest",
        "count": sum(event.kills for event in events),
        "firstTime": rfc3339(first),
        "lastTime": rfc3339(last),
        "events": [_in_short(event) for event in events],
    }
    body = _json({**envelope, "data": data})
    while len(body) > most_bytes and data["events"]:
        data = {**data, "events": data["events"][: len(data["events"]) // 2], "truncated": True}
        body = _json({**envelope, "data": data})
    return body


def _in_short(event: Event) -> dict[str, Any]:
    kill = event.kill
    short = {
        "id": event.id,
        "event": event.type.value,
        "time": rfc3339(event.time),
        "lastTime": rfc3339(event.last_time) if event.last_time else None,
        "kills": event.kills,
        "namespace": event.namespace,
        "report": event.report,
        "workload": f"{event.workload.kind}/{event.workload.name}",
        "labels": dict(event.labels) or None,
        "container": event.container,
        "cause": kill.cause if kill else None,
        "memoryLimit": event.status.advice.memory_limit,
    }
    return {key: value for key, value in short.items() if value is not None}


def _source(cluster: str, namespace: str, plural: str, name: str) -> str:
    """Return a URI reference (RFC 3986): a name of a cluster is its authority."""
    return f"{f'//{cluster}' if cluster else ''}/apis/{API_VERSION}/namespaces/{namespace}/{plural}/{name}"


def _envelope(*, id_: str, source: str, type_: str, subject: str, time: datetime) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": f"{_TYPE}.{type_}",
        "subject": subject,
        "time": rfc3339(time),
        "datacontenttype": "application/json",
    }


def _without(data: Mapping[str, Any], where: Sequence[str]) -> dict[str, Any]:
    name, *deeper = where
    inner = data.get(name)
    if not deeper or not isinstance(inner, Mapping):
        return {key: value for key, value in data.items() if key != name}
    return {**data, name: _without(inner, deeper)}


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
