"""A kill made from each of its sources."""

from datetime import timedelta
from typing import Any

from oomreport.incident.kill import Cause, Kill, RecentKill, Verdict
from oomreport.incident.oom_record import RecordSpec
from oomreport.kernel.record import MemoryUsage, Trigger, Victim
from oomreport.workload.pod import Termination
from support.evidence import T0, cid, kill, sampled

STARTED = T0.replace(microsecond=0) - timedelta(minutes=9)


def test_a_stored_kill_comes_back_as_it_was() -> None:
    end = Termination(container_id=cid(1), reason="Error", exit_code=137, started=STARTED, finished=STARTED, attempt=3)
    whole = kill(
        id="r",
        container_id=cid(1),
        restart_count=3,
        started_at=STARTED,
        victim=Victim(pid=7, comm="node"),
        memory=MemoryUsage(limit_bytes=64, stat={"anon": 1}),
        usage=sampled(usage=60),
        termination=end,
    )

    assert Kill.from_status(whole.as_json()) == whole
    assert whole.as_json()["termination"] == {
        "reason": "Error",
        "exitCode": 137,
        "startedAt": "2026-11-20T20:12:07Z",
        "finishedAt": "2026-11-20T20:12:07Z",
    }


def test_no_stored_kill_is_none() -> None:
    stored: list[Any] = [None, {}, "kill"]

    assert [Kill.from_status(raw) for raw in stored] == [None, None, None]
    assert RecentKill.from_status(None) == ()


def test_a_record_tells_all_but_what_only_pod_status_knows() -> None:
    spec = RecordSpec(victims=(Victim(pid=7), Victim(pid=8)), trigger=Trigger(comm="sh", order=-1))
    found = Kill.from_record(spec, id="r", verdict=Verdict.KERNEL_ONLY, cause=Cause.UNKNOWN)

    assert (found.victim, found.victims, found.asked_for) == (Victim(pid=7), 2, True)
    assert Kill.from_record(RecordSpec()).victims is None


def test_a_kill_in_short_names_the_victim_and_the_limit() -> None:
    short = kill(id="r", victim=Victim(pid=7, comm="node"), memory=MemoryUsage(limit_bytes=64)).in_short()

    assert (short.victim, short.limit_bytes) == ("node", 64)
    assert RecentKill.from_status([short.as_json(), {"id": "no time"}]) == (short,)
