"""Facts about the last kill, each by its own rule."""

from pathlib import Path
from typing import Any

import pytest

from oomreport.cli.logs.explained import spec_of
from oomreport.incident.advice.case import Case
from oomreport.incident.advice.diagnosis import RULES, Finding, findings
from oomreport.incident.advice.recommendation import recommendation
from oomreport.incident.kill import Cause, Kill, Verdict
from oomreport.incident.memory.usage import Peak, Pressure
from oomreport.incident.witness.cause import cause_of
from oomreport.incident.witness.evidence import RecordFacts
from oomreport.kernel.record import MemoryUsage, Task, Victim
from oomreport.workload.pod import PodFacts
from oomreport.workload.quantity import MI
from support.evidence import after, cid, kill, pod, record, running, sampled
from support.logs import read

RECORDS = sorted((Path(__file__).parents[3] / "records").glob("*/log.*"))


def rules(
    *, facts: PodFacts | None = None, of: RecordFacts | None = None, container: str = "api", **of_kill: Any
) -> list[str]:
    last = kill(container_id=cid(1), **of_kill)
    return [one.rule for one in findings(Case(kill=last, container=container, record=of or record(), pod=facts))]


def test_an_ordinary_kill_needs_no_words():
    assert rules() == []


def test_each_fact_is_found():
    assert rules(silent=True) == ["SilentKill"]
    assert rules(verdict=Verdict.CONTRADICTED) == ["StatusContradicted"]
    assert rules(verdict=Verdict.STATUS_ONLY) == ["StatusOnly"]
    assert rules(container="unknown") == ["ContainerUnknown"]
    assert rules(of=record(lostBefore=12)) == ["KernelLogLost"]


def test_a_limit_that_only_counters_tell_is_said_and_so_is_one_that_they_cannot_tell():
    whole = {"oomMemcg": None, "taskMemcg": None, "limit": 256 * MI}
    by_counters = record(**whole, scope="Pod", scopeSource="Counters")
    (found,) = findings(Case(kill=kill(), container="api", record=by_counters))
    assert found.rule == "LimitByCounters"
    assert found.message.endswith("the counter of one moved: Pod of 256Mi")
    open_ = record(**whole, scope="Unknown", scopeCandidates=["Container", "NodeAllocatable"])
    (found,) = findings(Case(kill=kill(cause=Cause.UNKNOWN), container="api", record=open_))
    assert found.message.endswith("several levels were hit just then: Container and NodeAllocatable")


def test_a_kill_of_a_known_container_that_the_node_counts_says_why_it_may():
    subject = {"podUID": "1", "containerID": cid(1), "namespace": "shop", "pod": "web-1", "container": "api"}
    (found,) = findings(Case(kill=Kill(container_id=cid(1)), container="unknown", record=record(subject=subject)))
    assert found.rule == "ContainerUnknown"
    assert "container api of pod shop/web-1, but it could not be counted there" in found.message


def test_what_a_record_tells_of_an_unknown_container_is_not_denied():
    whole = Case(kill=kill(container_id=cid(1)), container="unknown", record=record())
    (told,) = [one.message for one in findings(whole) if one.rule == "ContainerUnknown"]
    assert told.startswith(f"The kernel named container instance {cid(1)[:12]}")
    bare = Case(kill=kill(cause=Cause.UNKNOWN), container="unknown", record=record(uid=None, container=None))
    (told,) = [one.message for one in findings(bare) if one.rule == "ContainerUnknown"]
    assert told.startswith("The kernel named the process only")


def test_a_neighbour_under_the_pods_limit_is_named():
    facts = pod(running(), running("greedy", instance=cid(2)))
    neighbour = record(scope="Pod", triggerCpuset=f"/kubepods/burstable/pod1/{cid(2)}", limit=80 * MI)
    case = Case(kill=kill(cause=Cause.POD_LIMIT, container_id=cid(1)), container="api", record=neighbour, pod=facts)
    (found,) = findings(case)
    assert found.rule == "PodLimitHitByNeighbour"
    assert "Container greedy allocated" in found.message
    assert rules(of=neighbour, cause=Cause.POD_LIMIT) == ["PodLimitHitByNeighbour"]
    systemd = record(triggerCpuset=f"cri-containerd-{cid(2)}.scope")
    assert rules(of=systemd, cause=Cause.POD_LIMIT, facts=facts) == ["PodLimitHitByNeighbour"]


def test_a_pods_limit_has_its_why_whoever_allocated():
    memory = MemoryUsage(usage_bytes=64 * MI, limit_bytes=64 * MI)
    last = kill(cause=Cause.POD_LIMIT, container_id=cid(1), memory=memory, victim=Victim(pid=212, comm="node"))
    (found,) = findings(Case(kill=last, container="api", record=record(scope="Pod")))
    assert (found.rule, found.message) == (
        "PodLimitHit",
        "The pod reached its limit of 64Mi, which its containers share; the kernel chose 'node' (pid 212) of container api",
    )


def test_a_kill_that_the_container_lived_through_is_not_called_a_failed_start():
    memory = MemoryUsage(usage_bytes=64 * MI, limit_bytes=64 * MI)
    assert "StartupPeak" in rules(memory=memory, started_at=after(-13))
    assert "StartupPeak" not in rules(memory=memory, started_at=after(-13), silent=True)


@pytest.mark.parametrize(
    ("own", "in_force", "is_behind"),
    [(144, 144, True), (144, None, True), (64, 64, False), (32, 32, False), (144, 64, False), (None, 144, False)],
)
def test_a_pod_that_a_resize_did_not_reach_is_told_and_given_no_more(
    own: int | None, in_force: int | None, *, is_behind: bool
):
    """The container's own limit counts as its cgroup had it, and while the pod says the same, where there is a pod."""
    usage = sampled(before=1, usage=60, **({"limit": own} if own else {}))
    memory = MemoryUsage(usage_bytes=64 * MI, limit_bytes=64 * MI)
    last = kill(cause=Cause.POD_LIMIT, container_id=cid(1), memory=memory, usage=usage)
    facts = pod(running(limit=in_force * MI)) if in_force else None
    case = Case(kill=last, container="api", record=record(scope="Pod", limit=64 * MI), pod=facts)
    told = [one.message for one in findings(case) if one.rule == "PodLimitLeftBehind"]
    advice = recommendation(case).as_json()
    if is_behind:
        assert "limit of 144Mi, but its pod's cgroup still has 64Mi" in told[0]
        assert (advice["action"], "delete the pod" in advice["basis"]) == ("None", True)
    else:
        assert told == []
        assert advice["action"] == "RaisePodLimit"


def test_many_small_processes_above_their_request_are_summed():
    def task(pid: int, comm: str, *, adj: int, mib: int) -> Task:
        score = adj + mib * 1000 // 2000
        return Task(pid=pid, comm=comm, oom_score_adj=adj, oom_score=score, rss_bytes=mib * MI)

    # Of 2000 MiB, an adj of 992 is a request of 16 MiB.
    tasks = (task(1, "redis", adj=1000, mib=256), *(task(pid, "worker", adj=992, mib=128) for pid in (2, 3, 4)))
    last = kill(cause=Cause.NODE_OUT_OF_MEMORY, tasks=tasks, victim=Victim(comm="redis", pid=1))
    (found,) = (one for one in findings(Case(kill=last, container="api", record=record())) if "Node" in one.rule)
    assert "'worker' (3 processes) by 336Mi at least, 'redis' (pid 1) by 256Mi" in found.message


def test_the_victims_own_allocation_is_no_neighbour():
    assert rules(of=record(triggerCpuset=cid(1)), cause=Cause.POD_LIMIT) == []
    assert rules(of=record(triggerCpuset="/"), cause=Cause.POD_LIMIT) == []
    assert rules(of=record(), cause=Cause.POD_LIMIT) == []


def test_what_a_record_told_stays_when_the_record_is_gone():
    kept = Finding(rule="KernelLogLost", severity="Warning", message="12 messages")
    gone = Finding(rule="SilentKill", severity="Warning", message="it was silent")
    case = Case(kill=kill(), container="api")
    assert findings(case, [kept, gone]) == (kept,)


@pytest.mark.parametrize("container", ["api", "unknown"])
def test_nothing_that_a_real_record_told_changes_when_the_record_is_gone(container: str):
    """A used record is not read again, and of the last kill alone what it had told would be said otherwise."""
    told = set()
    for log in RECORDS:
        for spec in map(spec_of, read(log.read_bytes())):
            whole = RecordFacts(name="", node="", time=spec.time or after(0), spec=spec)
            last = Kill.from_record(
                spec, time=whole.time, cause=cause_of(whole, None, None), verdict=Verdict.KERNEL_ONLY
            )
            first = findings(Case(kill=last, container=container, record=whole))
            told.update(one.rule for one in first)
            assert findings(Case(kill=last, container=container), first) == first, log.parent.name
    assert {"ChosenByProtection", "GroupKilled", "NodeOutOfMemory"} < told


def test_rules_have_names_of_their_own():
    assert len({rule.name for rule in RULES}) == len(RULES)


def messages(cause: Cause = Cause.UNKNOWN, **of_kill: Any) -> dict[str, str]:
    last = kill(verdict=Verdict.KERNEL_ONLY, cause=cause, **of_kill)
    return {one.rule: one.message for one in findings(Case(kill=last, container="api"))}


def test_tmpfs_is_named_by_the_last_sample_where_the_kernel_printed_no_dump():
    last = sampled(usage=60, anon=4, file=52, shmem=48, kernel=1)
    found = messages(usage=last)
    assert found["TmpfsFilled"].startswith("48Mi of 60Mi (80 %) was tmpfs")
    assert "(sampled 3 s before the kill)" in found["TmpfsFilled"]
    printed = MemoryUsage(usage_bytes=60 * MI, limit_bytes=60 * MI, stat={"anon": 58 * MI, "shmem": 0})
    assert "TmpfsFilled" not in messages(Cause.CONTAINER_LIMIT, usage=last, memory=printed)


def test_the_kernels_own_memory_and_a_full_swap_are_named_by_the_last_sample():
    found = messages(usage=sampled(usage=60, kernel=40, swap=24, swap_limit=24))
    assert "(sampled 3 s before the kill)" in found["KernelMemory"]
    assert found["SwapFull"] == "Swap was full as well: 24Mi of 24Mi (sampled 3 s before the kill)"
    assert "SwapFull" not in messages(usage=sampled(usage=60, swap=20, swap_limit=24))


def test_page_cache_is_named_by_the_last_sample_where_the_container_had_been_at_its_limit():
    def of(peak: int | None) -> dict[str, str]:
        highest = Peak(time=after(0.1), size=peak * MI) if peak else None
        return messages(usage=sampled(usage=60, anon=20, file=38, shmem=8, limit=64, peak=highest))

    found = of(64)["PageCacheIsNotTheCause"]
    assert found.startswith("30Mi of page cache was charged too (sampled 3 s before the kill)")
    assert "PageCacheIsNotTheCause" not in of(60)
    assert "PageCacheIsNotTheCause" not in of(None)


def test_a_sample_of_the_container_tells_nothing_of_the_memory_below_a_pods_limit():
    assert messages(Cause.POD_LIMIT, usage=sampled(usage=60, shmem=48)) == {}


def test_a_container_that_stood_still_for_want_of_memory_is_named():
    def of(some: float, full: float) -> dict[str, str]:
        pressure = Pressure(time=after(0), some=some, full=full)
        return messages(Cause.CONTAINER_LIMIT, usage=sampled(usage=60, file=9, pressure=pressure))

    assert (
        "at least one task stood still for want of memory 63 % of the time, all of them 42 %" in of(63, 42)["Thrashing"]
    )
    assert "9Mi of page cache was left" in of(63, 42)["Thrashing"]
    assert "Thrashing" not in of(63, 9)


@pytest.mark.parametrize(
    ("peak", "later", "words"),
    [
        (64, 0.1, "The container had reached its own limit"),
        (64, -3, "The container had reached its own limit"),
        (40, 0.1, "The container never reached its own limit"),
        # What came after the last look is not in its peak.
        (40, -3, None),
        (60, 0.1, None),
    ],
)
def test_the_peak_tells_whether_the_containers_limit_can_have_fired(peak: int, later: float, words: str | None):
    way = sampled(usage=30, limit=64, peak=Peak(time=after(later), size=peak * MI))
    found = messages(usage=way).get("PeakAgainstLimit")
    assert (found or "").startswith(words) if words else found is None
    assert "PeakAgainstLimit" not in messages(Cause.NODE_OUT_OF_MEMORY, usage=way)
