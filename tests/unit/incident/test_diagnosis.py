"""Facts about the last kill, each by its own rule."""

from typing import Any

from oomreport.incident.diagnosis import RULES, Case, findings
from oomreport.incident.evidence import RecordFacts
from oomreport.workload.pod import PodFacts
from oomreport.workload.quantity import MI
from unit.incident.builders import cid, pod, record, running


def rules(
    *, facts: PodFacts | None = None, of: RecordFacts | None = None, container: str = "api", **last: Any
) -> list[str]:
    kill = {"verdict": "Confirmed", "cause": "ContainerLimit", "containerID": cid(1), "silent": False, **last}
    return [one["rule"] for one in findings(Case(last=kill, container=container, record=of or record(), pod=facts))]


def test_an_ordinary_kill_needs_no_words():
    assert rules() == []


def test_each_fact_is_found():
    assert rules(silent=True) == ["SilentKill"]
    assert rules(verdict="Contradicted") == ["StatusContradicted"]
    assert rules(verdict="StatusOnly") == ["StatusOnly"]
    assert rules(container="unknown") == ["ContainerUnknown"]
    assert rules(of=record(lostBefore=12)) == ["KernelLogLost"]


def test_a_kill_of_a_known_container_is_the_nodes_only_because_its_namespace_is_gone():
    subject = {"podUID": "1", "containerID": cid(1), "namespace": "shop", "pod": "web-1", "container": "api"}
    (found,) = findings(Case(last={"containerID": cid(1)}, container="unknown", record=record(subject=subject)))
    assert found["rule"] == "ContainerUnknown"
    assert found["message"].startswith("Container api of pod shop/web-1 was hit; its namespace was deleted")


def test_a_neighbour_under_the_pods_limit_is_named():
    facts = pod(running(), running("greedy", instance=cid(2)))
    neighbour = record(scope="Pod", triggerCpuset=f"/kubepods/burstable/pod1/{cid(2)}", limit=80 * MI)
    case = Case(last={"cause": "PodLimit", "containerID": cid(1)}, container="api", record=neighbour, pod=facts)
    (found,) = findings(case)
    assert found["rule"] == "PodLimitHitByNeighbour"
    assert "Container greedy allocated" in found["message"]
    assert rules(of=neighbour, cause="PodLimit") == ["PodLimitHitByNeighbour"]
    systemd = record(triggerCpuset=f"cri-containerd-{cid(2)}.scope")
    assert rules(of=systemd, cause="PodLimit", facts=facts) == ["PodLimitHitByNeighbour"]


def test_many_small_processes_above_their_request_are_summed():
    def task(pid: int, comm: str, *, adj: int, mib: int) -> dict[str, Any]:
        return {
            "pid": pid,
            "comm": comm,
            "oomScoreAdj": adj,
            "oomScore": adj + mib * 1000 // 2000,
            "rssBytes": mib * MI,
        }

    # Of 2000 MiB, an adj of 992 is a request of 16 MiB.
    tasks = [task(1, "redis", adj=1000, mib=256), *(task(pid, "worker", adj=992, mib=128) for pid in (2, 3, 4))]
    last = {"cause": "NodeOutOfMemory", "containerID": cid(1), "tasks": tasks, "victim": {"comm": "redis", "pid": 1}}
    (found,) = (one for one in findings(Case(last=last, container="api", record=record())) if "Node" in one["rule"])
    assert "'worker' (3 processes) by 336Mi at least, 'redis' (pid 1) by 256Mi" in found["message"]


def test_the_victims_own_allocation_is_no_neighbour():
    assert rules(of=record(triggerCpuset=cid(1)), cause="PodLimit") == []
    assert rules(of=record(triggerCpuset="/"), cause="PodLimit") == []
    assert rules(of=record(), cause="PodLimit") == []


def test_what_a_record_told_stays_when_the_record_is_gone():
    kept = {"rule": "KernelLogLost", "severity": "Warning", "message": "12 messages"}
    gone = {"rule": "SilentKill", "severity": "Warning", "message": "it was silent"}
    case = Case(last={"verdict": "Confirmed", "silent": False}, container="api")
    assert findings(case, [kept, gone]) == [kept]


def test_rules_have_names_of_their_own():
    assert len({rule.name for rule in RULES}) == len(RULES)
