"""Workloads, pods and records as the real components make them: owners by uid, status by the kubelet's subresource."""

import itertools
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from integration.controller.client import V1, Client, Object
from oomreport.adapters.cluster.api_server import path
from oomreport.incident.oom_record import record_name
from oomreport.times import rfc3339
from oomreport.workload.quantity import MI

_stamps = itertools.count(int(datetime.now(UTC).timestamp()) % 1_000_000 * 1000)
BOOT = "9f1c2b7a-1111-2222-3333-444455556666"


def new_id() -> str:
    return uuid.uuid4().hex * 2


def seconds(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Shop:
    """A namespace with workloads. Names are made unique, so that tests do not meet."""

    client: Client
    namespace: str
    node: str
    created: list[str] = field(default_factory=list)

    def name(self, base: str) -> str:
        return f"{base}-{uuid.uuid4().hex[:6]}"

    def put(
        self, api_version: str, plural: str, kind: str, name: str, owner: Object | None = None, **rest: Any
    ) -> Object:
        labels = rest.pop("labels", {})
        metadata: Object = {"name": name, "namespace": self.namespace, "labels": labels}
        if annotations := rest.pop("annotations", None):
            metadata["annotations"] = annotations
        if owner:
            reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"]}
            metadata["ownerReferences"] = [
                {**reference, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": True}
            ]
        body = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}
        made = self.client.create(plural, body)
        self.created.append(path(api_version, plural, namespace=self.namespace, name=name))
        return {"apiVersion": api_version, "kind": kind, **made}

    def deployment(self, name: str, **pod: Any) -> "Pod":
        """Deployment, its ReplicaSet, and one pod of it."""
        template = template_of({"app": name})
        top = self.put("apps/v1", "deployments", "Deployment", name, spec=template)
        between = self.put("apps/v1", "replicasets", "ReplicaSet", f"{name}-7d9c", owner=top, spec=template)
        return self.pod(f"{name}-7d9c-x2x4z", owner=between, labels={"app": name, "pod-template-hash": "7d9c"}, **pod)

    def cron_job(self, name: str, **pod: Any) -> "Pod":
        spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": job_template()}}}
        top = self.put("batch/v1", "cronjobs", "CronJob", name, spec=spec)
        between = self.put("batch/v1", "jobs", "Job", f"{name}-1", owner=top, spec={"template": job_template()})
        return self.pod(f"{name}-1-abcde", owner=between, **pod)

    def pod(
        self, name: str, *, owner: Object | None = None, containers: dict[str, str | None] | None = None, **rest: Any
    ) -> "Pod":
        """A pod on the node, its containers running; `containers` maps names to memory limits."""
        limits = containers or {"api": "256Mi"}
        spec: Object = {
            "nodeName": self.node,
            "containers": [container(one, limit) for one, limit in limits.items()],
            "automountServiceAccountToken": False,
            **rest.pop("spec", {}),
        }
        made = self.put("v1", "pods", "Pod", name, owner=owner, spec=spec, **rest)
        pod = Pod(client=self.client, body=made)
        pod.run(*limits)
        return pod

    def clean(self) -> None:
        for where in reversed(self.created):
            self.client.delete(where)


@dataclass
class Pod:
    """A pod with the kubelet's view of it."""

    client: Client
    body: Object
    states: dict[str, Object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.body["metadata"]["namespace"])

    @property
    def uid(self) -> str:
        return str(self.body["metadata"]["uid"])

    @property
    def where(self) -> str:
        return path("v1", "pods", namespace=self.namespace, name=self.name)

    def run(self, *names: str) -> None:
        """Start containers that do not run yet."""
        for name in names:
            before = self.states.get(name)
            self.states[name] = {
                "name": name,
                "image": "none",
                "imageID": "",
                "ready": True,
                "restartCount": before["restartCount"] + 1 if before else 0,
                "containerID": f"containerd://{new_id()}",
                "state": {"running": {"startedAt": seconds(datetime.now(UTC))}},
                "lastState": before["state"] if before else {},
            }
        self._write()

    def id_of(self, name: str = "api") -> str:
        return str(self.states[name]["containerID"]).removeprefix("containerd://")

    def ends(
        self, name: str = "api", *, reason: str = "OOMKilled", code: int = 137, at: datetime | None = None
    ) -> None:
        """Show the end of a container."""
        state = self.states[name]
        end = at or datetime.now(UTC)
        state["state"] = {
            "terminated": {
                "containerID": state["containerID"],
                "reason": reason,
                "exitCode": code,
                "startedAt": seconds(end - timedelta(minutes=5)),
                "finishedAt": seconds(end),
            }
        }
        state["ready"] = False
        self._write()

    def vanish(self) -> None:
        self.client.delete(self.where)

    def annotations(self) -> dict[str, str]:
        found = self.client.call("GET", self.where)
        return {
            key.removeprefix("oomreport.dev/"): value
            for key, value in found["metadata"].get("annotations", {}).items()
            if key.startswith("oomreport.dev/")
        }

    def _write(self) -> None:
        status = {"phase": "Running", "containerStatuses": list(self.states.values())}
        self.client.merge(f"{self.where}/status", {"status": status})


def container(name: str, limit: str | None) -> Object:
    resources = {"limits": {"memory": limit}, "requests": {"memory": limit}} if limit else {}
    return {"name": name, "image": "none", "resources": resources}


def template_of(labels: dict[str, str]) -> Object:
    spec = {"containers": [container("api", "256Mi")]}
    return {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}}


def job_template() -> Object:
    return {"spec": {"restartPolicy": "Never", "containers": [container("api", "256Mi")]}}


def record(
    pod: Pod | None,
    name: str = "api",
    *,
    node: str,
    at: datetime | None = None,
    comm: str = "node",
    named: bool = True,
    **spec: Any,
) -> Object:
    """A record as the agent writes it; without a pod the kernel had printed the last line only."""
    time = at or datetime.now(UTC)
    stamp = next(_stamps)
    body: Object = {
        "nodeName": node,
        "bootID": BOOT,
        "time": rfc3339(time),
        "kernelTimeMicroseconds": stamp,
        "source": "Kmsg",
        "kernelRelease": "6.12.107+deb13-cloud-amd64",
        "scope": "Unknown",
        "groupKill": False,
        "noVictim": False,
        "victims": [
            {"pid": 212, "comm": comm, "uid": 0, "anonRSSBytes": 240 * MI, "oomScoreAdj": 939, "reaped": False}
        ],
        "missing": ["Header", "MemoryUsage", "TaskTable", "Summary"],
        "lostBefore": 0,
    }
    if pod is not None:
        container_id = pod.id_of(name)
        group = f"/kubepods/burstable/pod{pod.uid}/{container_id}"
        subject = {"podUID": pod.uid, "containerID": container_id, "runtime": "containerd", "qosClass": "Burstable"}
        if named:
            subject |= {"namespace": pod.namespace, "pod": pod.name, "container": name}
        body |= {
            "constraint": "CONSTRAINT_MEMCG",
            "scope": "Container",
            "oomMemcg": group,
            "taskMemcg": group,
            "trigger": {"comm": comm, "pid": 212, "gfpMask": "0xcc0", "order": 0, "oomScoreAdj": 939},
            "memory": {"usageBytes": 256 * MI, "limitBytes": 256 * MI, "failureCount": 24, "stat": {"anon": 250 * MI}},
            "tasks": [{"pid": 212, "tgid": 212, "uid": 0, "comm": comm, "rssBytes": 245 * MI, "oomScoreAdj": 939}],
            "taskCount": 1,
            "subject": subject,
            "missing": [],
        }
    return {
        "apiVersion": V1,
        "kind": "OOMRecord",
        "metadata": {"name": record_name(node_name=node, boot_id=BOOT, stamp_us=stamp)},
        "spec": body | spec,
    }
