"""oomreport's own advice: the controller's decision, fed with what the agent and the API server would give it.

Nothing here decides. A kill becomes an OOMRecord's spec and a pod as the API server sends it; what is stored between
kills is the report's status; a reviewer applies status.recommendation as it stands.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from advice.machine import Advice, Kill, Look, Size
from oomreport.incident.memory.flight_recorder import FlightRecorder
from oomreport.incident.memory.usage_since import MemoryReading, UsageSince, looked
from oomreport.incident.report.decision import decide
from oomreport.incident.witness.evidence import Evidence, Patience, record_facts
from oomreport.incident.witness.surroundings import Surroundings
from oomreport.times import rfc3339
from oomreport.workload.owner import Workload
from oomreport.workload.pod import pod_facts
from oomreport.workload.quantity import parse_quantity

_T0 = datetime(2026, 11, 20, tzinfo=UTC)
_POD = "9b02072e-3bc7-46e9-a439-c8eaf034527b"
_WEB = Workload(api_version="apps/v1", kind="Deployment", name="web")
_STATUS_AFTER = timedelta(seconds=1)
_LOOK_EVERY = 6 * 3600.0


class Ours:
    """A reviewer with `kubectl get oomreports`, who does what it says."""

    def __init__(self, pod_spec: dict[str, Any], container_specs: dict[str, dict[str, Any]], node_memory: int) -> None:
        self._pod_spec = pod_spec
        self._container_specs = container_specs
        self._node_memory = node_memory
        self.reports: dict[str, dict[str, Any]] = {}
        self.log: list[dict[str, Any]] = []
        self._readings: list[tuple[float, str, int]] = []
        self._usage_since: dict[str, UsageSince] = {}
        self._next_look = 0.0
        self._raises: dict[tuple[str, int], tuple[str, bool]] = {}

    def sample(self, clock: float, container: str, size: int) -> None:
        """Take what metrics.k8s.io serves once a minute; only what has a report is followed."""
        if container in self.reports:
            self._readings.append((clock, container, size))

    def advice(self, kill: Kill) -> Advice:
        for name in self.reports:
            self._followed(name, kill.config.sizes[name], kill.started if name == kill.container else 0.0)
        self._readings.clear()
        now = _T0 + timedelta(seconds=kill.clock)
        record = record_facts(self._record(kill, now))
        pod = pod_facts(self._pod(kill, now))
        assert record
        evidence = Evidence(
            now=now + _STATUS_AFTER,
            workload=_WEB,
            container=kill.container,
            status=self.reports.get(kill.container, {}),
            generation=1,
            records=(record,),
            pods=(pod,),
        )
        status = decide(evidence, Patience()).status
        self.reports[kill.container] = status
        self.log.append(status)
        self._note(kill, status["recommendation"])
        return self._applied(kill, status["recommendation"])

    def look(self, look: Look) -> Advice | None:
        if look.clock < self._next_look:
            return None
        self._next_look = look.clock + _LOOK_EVERY
        for name in self.reports:
            self._followed(name, look.config.sizes[name], look.started[name])
        self._readings.clear()
        for name, stored in self.reports.items():
            usage, size = self._usage_since.get(name), look.config.sizes[name]
            if usage is None or usage.limit != size.limit:
                continue
            now = _T0 + timedelta(seconds=look.clock)
            pod = pod_facts(self._running(look, name))
            evidence = Evidence(
                now=now,
                workload=_WEB,
                container=name,
                status=stored,
                generation=1,
                pods=(pod,),
                pods_listed=True,
                surroundings=Surroundings(usage=usage),
            )
            status = decide(evidence, Patience()).status
            self.reports[name] = status
            recommended = status["recommendation"]
            if recommended["action"] == "LowerLimit" and _bytes(recommended["memoryLimit"]) != size.limit:
                limit, request = (_bytes(recommended.get(key)) for key in ("memoryLimit", "memoryRequest"))
                return Advice(sizes={name: Size(limit=limit, request=request or size.request)})
            if recommended["action"] == "FixLeak" != stored["recommendation"]["action"]:
                return Advice(leak=True)
        return None

    def ended(self) -> list[tuple[str, bool]]:
        return list(self._raises.values())

    def calls_leak(self) -> bool:
        return any(status["recommendation"]["action"] == "FixLeak" for status in self.reports.values())

    def _followed(self, name: str, size: Size, started: float) -> None:
        for clock, container, held in self._readings:
            if container == name and clock >= started:
                self._usage_since[name] = looked(
                    self._usage_since.get(name),
                    [MemoryReading(size=held, started=_T0 + timedelta(seconds=started))],
                    now=_T0 + timedelta(seconds=clock),
                    limit=size.limit,
                    request=size.request,
                    source="metrics.k8s.io",
                )

    def _note(self, kill: Kill, recommended: dict[str, Any]) -> None:
        if kill.scope != "Container" or kill.limit is None:
            return
        if known := self._raises.get((kill.container, kill.limit)):
            self._raises[kill.container, kill.limit] = (known[0], False)
        limit = _bytes(recommended.get("memoryLimit"))
        if recommended["action"] == "RaiseLimit" and limit:
            self._raises[kill.container, limit] = (recommended["confidence"], True)

    def _applied(self, kill: Kill, recommended: dict[str, Any]) -> Advice:
        sizes = kill.config.sizes[kill.container]
        limit, request = (_bytes(recommended.get(key)) for key in ("memoryLimit", "memoryRequest"))
        match recommended["action"]:
            case "RaiseLimit":
                return Advice(
                    sizes={kill.container: Size(limit=limit or sizes.limit, request=request or sizes.request)}
                )
            case "RaiseRequest":
                return Advice(sizes={kill.container: Size(limit=sizes.limit, request=request or sizes.request)})
            case "RaisePodLimit":
                return Advice(pod_limit=limit)
        return Advice(
            leak=recommended["action"] == "FixLeak",
            bound_tmpfs=recommended["action"] == "LimitTmpfs",
            review_node=recommended["action"] == "ReviewNode",
        )

    def _record(self, kill: Kill, now: datetime) -> dict[str, Any]:
        whose = {
            "Container": f"/kubepods/burstable/pod{_POD}/{_id(kill.container, kill.instance)}",
            "Pod": f"/kubepods/burstable/pod{_POD}",
        }.get(kill.scope)
        victim = max((one for one in kill.processes if one.owner == kill.container), key=lambda one: one.size)
        memory = kill.memory
        stat = {
            "anon": memory.anon,
            "file": memory.file + memory.shmem,
            "shmem": memory.shmem,
            "kernel": memory.kernel,
            "slab": memory.kernel * 3 // 4,
        }
        by_badness = sorted(kill.processes, key=lambda one: -(one.size + one.adj * (self._node_memory // 1000)))
        total = kill.limit or self._node_memory
        spec: dict[str, Any] = {
            "nodeName": "worker-1",
            "bootID": "9f1c2b7a-0000-4000-8000-000000000000",
            "time": rfc3339(now),
            "source": "Kmsg",
            "scope": kill.scope,
            "constraint": "CONSTRAINT_MEMCG" if whose else "CONSTRAINT_NONE",
            "taskMemcg": f"/kubepods/burstable/pod{_POD}/{_id(kill.container, kill.instance)}",
            "triggerCpuset": _id(kill.trigger, kill.instance) if kill.trigger in kill.config.sizes else "/",
            "trigger": {"comm": victim.comm, "pid": 4242},
            "noVictim": False,
            "victims": [
                {
                    "pid": 212,
                    "comm": victim.comm,
                    "anonRSSBytes": victim.size,
                    "oomScoreAdj": victim.adj,
                    "oomScore": _score(victim.size, victim.adj, total),
                }
            ],
            "tasks": [
                {
                    "pid": 300 + number,
                    "comm": one.comm,
                    "rssBytes": one.size,
                    "oomScoreAdj": one.adj,
                    "oomScore": _score(one.size, one.adj, total),
                }
                for number, one in enumerate(by_badness[:20])
            ],
            "taskCount": len(kill.processes),
            "subject": {
                "podUID": _POD,
                "containerID": _id(kill.container, kill.instance),
                "qosClass": "Burstable",
                "runtime": "containerd",
            },
            "usage": self._usage(kill),
            "missing": [],
        }
        if whose:
            spec["oomMemcg"] = whose
            spec["memory"] = {"usageBytes": kill.limit, "limitBytes": kill.limit, "failureCount": 24, "stat": stat}
        name = f"worker-1-9f1c2b7a-{int(kill.clock * 1e6)}"
        return {"metadata": {"name": name, "resourceVersion": "1"}, "spec": spec}

    @staticmethod
    def _usage(kill: Kill) -> dict[str, Any] | None:
        recorder = FlightRecorder()
        for time, size in kill.samples():
            recorder.add(time, size)
        recording = recorder.recording()
        if recording is None:
            return None
        recent, life = recording.recent, recording.life
        return {
            "startTime": rfc3339(_T0 + timedelta(seconds=recent.start)),
            "intervalSeconds": recent.interval,
            "bytes": list(recent.sizes),
            "life": {
                "startTime": rfc3339(_T0 + timedelta(seconds=life.start)),
                "intervalSeconds": life.interval,
                "bytes": list(life.sizes),
            },
        }

    def _running(self, look: Look, name: str) -> dict[str, Any]:
        size = look.config.sizes[name]
        resources = {
            key: {"memory": str(value)} for key, value in (("limits", size.limit), ("requests", size.request)) if value
        }
        running = {"running": {"startedAt": _seconds(_T0 + timedelta(seconds=look.started[name]))}}
        status = {"name": name, "restartCount": 0, "state": running, "containerID": f"containerd://{_id(name, 4095)}"}
        return {
            "metadata": {"uid": _POD, "namespace": "shop", "name": "web-7d9c-x2x4z"},
            "spec": {"nodeName": "worker-1", "containers": [{"name": name, "resources": resources}]},
            "status": {"containerStatuses": [status]},
        }

    def _pod(self, kill: Kill, now: datetime) -> dict[str, Any]:
        containers, statuses = [], []
        for name, size in kill.config.sizes.items():
            resources = {
                key: {"memory": str(value)}
                for key, value in (("limits", size.limit), ("requests", size.request))
                if value
            }
            containers.append({**self._container_specs.get(name, {}), "name": name, "resources": resources})
            if name == kill.container:
                ended = {
                    "containerID": f"containerd://{_id(name, kill.instance)}",
                    "reason": "OOMKilled",
                    "exitCode": 137,
                    "startedAt": _seconds(_T0 + timedelta(seconds=kill.started)),
                    "finishedAt": _seconds(now),
                }
                state: dict[str, Any] = {"state": {"waiting": {}}, "lastState": {"terminated": ended}}
            else:
                running = f"containerd://{_id(name, kill.instance)}"
                state = {"state": {"running": {}}, "lastState": {}, "containerID": running}
            statuses.append({"name": name, "restartCount": kill.instance + 1, **state})
        spec: dict[str, Any] = {**self._pod_spec, "nodeName": "worker-1", "containers": containers}
        if kill.tmpfs_bounded:
            spec["volumes"] = [{"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}]
        if kill.config.pod_limit:
            spec["resources"] = {"limits": {"memory": str(kill.config.pod_limit)}}
        return {
            "metadata": {"uid": _POD, "namespace": "shop", "name": "web-7d9c-x2x4z"},
            "spec": spec,
            "status": {"containerStatuses": statuses},
        }


def _id(container: str, instance: int) -> str:
    return f"{sum(ord(letter) << (8 * place) for place, letter in enumerate(container)):040x}{instance:024x}"[-64:]


def _score(size: int, adj: int, total: int) -> int:
    return (size // 4096 + adj * (total // 4096 // 1000)) * 1000 // (total // 4096)


def _bytes(quantity: str | None) -> int | None:
    return parse_quantity(quantity) if quantity else None


def _seconds(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
