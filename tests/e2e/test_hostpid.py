"""The overlay hostpid: kill lines whose summary the kernel left out are placed by their process."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.kube import AGENT_NAMESPACE, apply, eventually, item, items, kubectl
from e2e.nodes import Gate
from e2e.test_kmsg_source import use_overlay
from e2e.witness import RingKill, monotonic_us, processes_in, ring_kills, running_id
from e2e.workloads import behind, gate_volume, pod, pod_spec

# In kind process IDs are not the kernel's, and a guest is too slow to kill so many in five seconds.
NODES = ("native",)
PODS = 14


@pytest.fixture(scope="module", autouse=True)
def _hostpid() -> Iterator[None]:
    use_overlay("hostpid")
    yield
    # Applying without the field would leave it: it is taken away by name.
    use_overlay("syslog")
    assert "hostPID" not in kubectl("get", "ds", "oomreport-agent", "-n", AGENT_NAMESPACE, "-o", "yaml")


def test_every_kill_without_a_summary_is_its_processs_containers(namespace: str, gate: Gate) -> None:
    """Fourteen pods of one make die in the same moment; the kernel tells the cgroups of ten at most."""
    if Path("/proc/self/ns/pid").readlink() != Path("pid:[4026531836]"):
        pytest.skip("needs nodes that are machines: in kind process IDs are not the kernel's")
    names = [f"alike-{n}" for n in range(PODS)]
    for name in names:
        one = behind(gate, "self", "96", "0.1", "0", limit="48Mi")
        apply(pod(name, namespace, pod_spec(one, restart="Never", volumes=[gate_volume(gate)])))

    def instance(name: str) -> str:
        return eventually(f"{name} runs", lambda: running_id(item("pod", name, namespace) or {}, "api"))

    own = {pid: (name, which) for name in names for which in [instance(name)] for pid in processes_in(which)}
    assert len(own) == PODS
    time.sleep(8)
    before = monotonic_us()
    gate.touch()

    def all_done() -> list[RingKill] | None:
        kills = [kill for kill in ring_kills(before) if kill.pid in own]
        return kills if len(kills) >= PODS else None

    kills = eventually("all are killed", all_done)
    assert kills[-1].stamp_us - kills[0].stamp_us < 5_000_000
    silent = {kill.pid for kill in kills if kill.task_memcg is None}
    assert len(silent) >= PODS - 10, "nothing was rate-limited"

    def recorded() -> dict[int, dict[str, str]] | None:
        specs = [record["spec"] for record in items("oomrecords") if record["spec"]["victims"]]
        found = {spec["victims"][0]["pid"]: spec for spec in specs if spec["victims"][0]["pid"] in own}
        return found if len(found) == PODS else None

    specs = eventually("a record of each", recorded)
    assert {pid: spec["subject"]["containerID"] for pid, spec in specs.items()} == {p: own[p][1] for p in own}
    assert {pid for pid, spec in specs.items() if spec.get("subjectSource") == "Process"} == silent

    def counted() -> bool:
        reports = items("oomreports", namespace)
        kills = {report["spec"]["workloadRef"]["name"]: report.get("status", {}).get("kills") for report in reports}
        return kills == dict.fromkeys(names, 1)

    eventually("each pod's report counts one kill", counted, seconds=90)
