"""Evidence with sensible values for whatever a test does not name. Shapes are those that real components produce."""

from datetime import UTC, datetime, timedelta
from typing import Any

from oomreport.incident.kill import Cause, Kill, Verdict
from oomreport.incident.memory.usage import Peak, Pressure, Sample, Usage
from oomreport.incident.witness.correlation import Patience
from oomreport.incident.witness.evidence import Evidence, RecordFacts, record_facts
from oomreport.times import rfc3339
from oomreport.workload.owner import Workload
from oomreport.workload.pod import ContainerFacts, PodFacts, Termination
from oomreport.workload.quantity import MI

T0 = datetime(2026, 11, 20, 20, 21, 7, 433434, tzinfo=UTC)
UID = "9b02072e-3bc7-46e9-a439-c8eaf034527b"
PATIENCE = Patience()
WEB = Workload(api_version="apps/v1", kind="Deployment", name="web")


def cid(number: int) -> str:
    return f"{number:064x}"


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def record_object(
    name: str = "worker-1-9f1c2b7a-35435120",
    *,
    seconds: float = 0,
    container: str | None = cid(1),
    uid: str | None = UID,
    limit: int | None = 256 * MI,
    comm: str = "node",
    node: str = "worker-1",
    stat: dict[str, int] | None = None,
    status: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    path = f"/kubepods/burstable/pod{uid}/{container}" if uid else None
    subject = {"podUID": uid, "containerID": container, "runtime": "containerd", "qosClass": "Burstable"}
    values: dict[str, Any] = {
        "nodeName": node,
        "bootID": "9f1c2b7a-0000-4000-8000-000000000000",
        "time": rfc3339(after(seconds)),
        "source": "Kmsg",
        "scope": "Container" if uid else "Unknown",
        "constraint": "CONSTRAINT_MEMCG" if uid else None,
        "oomMemcg": path,
        "taskMemcg": path,
        "noVictim": False,
        "victims": [{"pid": 212, "comm": comm, "anonRSSBytes": 240 * MI, "oomScore": 1873}],
        "memory": {"usageBytes": limit, "limitBytes": limit, "stat": stat or {"anon": 250 * MI}} if limit else None,
        "subject": {key: value for key, value in subject.items() if value} if uid else None,
        "log": "the kernel's own text",
        **spec,
    }
    return {
        "metadata": {"name": name, "resourceVersion": "1"},
        "spec": {key: value for key, value in values.items() if value is not None},
        "status": status or {},
    }


def kill(**fields: Any) -> Kill:
    """A kill by the container's own limit at T0, as a report shows it."""
    return Kill(**{"time": T0, "verdict": Verdict.CONFIRMED, "cause": Cause.CONTAINER_LIMIT} | fields)


def sampled(*, before: float = 3, peak: Peak | None = None, pressure: Pressure | None = None, **sizes: int) -> Usage:
    """A usage whose last sample is so many seconds before T0, with sizes in MiB."""
    last = Sample(time=after(-before), **{name: size * MI for name, size in sizes.items()})
    return Usage(start=last.time, interval_seconds=5.0, samples=(), last=last, peak=peak, pressure=pressure)


def record(name: str = "worker-1-9f1c2b7a-35435120", **values: Any) -> RecordFacts:
    facts = record_facts(record_object(name, **values))
    assert facts
    return facts


def termination(
    container: str = cid(1), *, seconds: float = 1, reason: str = "OOMKilled", code: int = 137, attempt: int = 0
) -> Termination:
    end = after(seconds).replace(microsecond=0)
    return Termination(
        container_id=container,
        reason=reason,
        exit_code=code,
        started=end - timedelta(minutes=9),
        finished=end,
        attempt=attempt,
    )


def container(name: str = "api", *, limit: int | None = 256 * MI, **values: Any) -> ContainerFacts:
    return ContainerFacts(name=name, memory_limit=limit, **values)


def running(name: str = "api", *, instance: str = cid(1), **values: Any) -> ContainerFacts:
    return container(name, running_id=instance, attempt=0, **values)


def ended(name: str = "api", *, instance: str = cid(1), **values: Any) -> ContainerFacts:
    return container(name, terminations=(termination(instance, **values),), attempt=0)


def pod(*containers: ContainerFacts, uid: str = UID, name: str = "web-7d9c-x2x4z", **values: Any) -> PodFacts:
    return PodFacts(uid=uid, namespace="shop", name=name, **{"node": "worker-1", "containers": containers, **values})


def evidence(*records: RecordFacts, pods: tuple[PodFacts, ...] = (), seconds: float = 0.2, **values: Any) -> Evidence:
    whole: dict[str, Any] = {"now": after(seconds), "workload": WEB, "container": "api", "generation": 1, **values}
    return Evidence(records=records, pods=pods, **whole)
