"""The law of counting: whatever order, repetition and interruption, the same events give the same number of kills.

A model of the API server (the report with its resource version, the records with their marks) is used by two
controllers. They see its objects late, repeatedly and in any order, crash before and after their writes, and write at
the same time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from oomreport.incident.oom_record import Source, counter_record_name
from oomreport.incident.report.decision import decide
from oomreport.incident.report.status import ReportStatus
from oomreport.incident.witness.evidence import RecordFacts
from oomreport.incident.witness.ledger import ledger_of
from oomreport.workload.pod import PodFacts, Termination
from support.evidence import PATIENCE, UID, after, cid, container, evidence, pod, record, running, termination


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A container instance with its true history: kernel records, and how status shows its end."""

    number: int
    records: tuple[RecordFacts, ...]
    end: Termination | None

    @property
    def kills(self) -> int:
        lines = [one for one in self.records if one.spec.source is not Source.CGROUP_COUNTER]
        highest = len(self.records) - len(lines)
        return max(len(lines), highest) or int(self.end is not None and self.end.oom_killed)


@dataclass(kw_only=True)
class Server:
    status: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    records: dict[str, RecordFacts] = field(default_factory=dict)
    pods: dict[int, PodFacts] = field(default_factory=dict)
    now: float = 0


@dataclass(kw_only=True)
class Controller:
    server: Server
    stored: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    records: dict[str, RecordFacts] = field(default_factory=dict)
    pods: dict[int, PodFacts] = field(default_factory=dict)

    def restart(self) -> None:
        """Everything in memory is gone; the lists of the API server are read anew."""
        self.records, self.pods = dict(self.server.records), dict(self.server.pods)
        self.read()

    def read(self) -> None:
        self.stored, self.version = self.server.status, self.server.version

    def work(self, interruption: str) -> None:
        unmarked = [one for one in self.records.values() if one.used is None]
        shown = {instance for one in self.pods.values() for c in one.containers for instance in c.container_ids}
        known = evidence(
            *unmarked,
            pods=tuple(self.pods.values()),
            status=self.stored,
            seconds=self.server.now,
            recorded=frozenset(one.container_id for one in self.records.values() if one.container_id),
            unmarked=frozenset(
                entry.id for entry in ledger_of(self.stored) if entry.id not in self.records and not entry.from_status
            ),
            forgettable=frozenset(
                entry.id
                for entry in ledger_of(self.stored)
                if entry.container_id not in shown
                and (entry.from_status or (entry.id in self.records and self.records[entry.id].used))
            ),
        )
        decision = decide(known, PATIENCE)
        if interruption == "before":
            return self.restart()
        if decision.changed:
            if self.version != self.server.version:
                return self.read()
            # The controller goes on with the value of what it wrote, as if it had read it.
            assert ReportStatus.of(decision.status).as_json() == decision.becomes.as_json()
            self.server.status, self.server.version = decision.status, self.server.version + 1
            self.read()
        if interruption == "between":
            return self.restart()
        for name in decision.used:
            used = replace(self.server.records[name], used=after(self.server.now))
            self.server.records[name] = self.records[name] = used
        return None


def by_counter(number: int, count: int, time: int) -> RecordFacts:
    name = counter_record_name(node_name="worker-1", boot_id="9f1c2b7a", container_id=cid(number), count=count)
    silent = {"victims": [], "memory": None, "taskMemcg": None, "oomMemcg": None, "source": "CgroupCounter"}
    return record(name, seconds=time + 0.5, container=cid(number), uid=f"{UID[:-1]}{number}", **silent)


@st.composite
def instances(draw: st.DrawFn) -> list[Instance]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        times = draw(st.lists(st.integers(0, 50), max_size=4, unique=True))
        # An agent that could not read the log told of the first kills by the counter, half a second after each.
        counted = draw(st.integers(0, len(times)))
        found.append(
            Instance(
                number=number,
                records=tuple(
                    record(f"r{number}-{time:02}", seconds=time, container=cid(number), uid=f"{UID[:-1]}{number}")
                    for time in sorted(times)
                )
                + tuple(by_counter(number, count, time) for count, time in enumerate(sorted(times)[:counted], start=1)),
                end=draw(
                    st.sampled_from(
                        [
                            None,
                            termination(cid(number), seconds=max(times, default=0) + 1),
                            termination(cid(number), seconds=max(times, default=0) + 1, reason="Error"),
                            termination(cid(number), seconds=70, reason="OOMKilled", code=0),
                        ]
                    )
                ),
            )
        )
    return found


def pod_of(instance: Instance, *, gone: bool) -> PodFacts:
    facts = container(terminations=(instance.end,)) if gone and instance.end else running(instance=cid(instance.number))
    return pod(facts, uid=f"{UID[:-1]}{instance.number}", name=f"web-{instance.number}")


def choices(schedule: bytes) -> Iterator[int]:
    """Yield the choices of a schedule, then zeros. One draw replaces a hundred, which cost more than the law itself."""
    yield from schedule
    while True:
        yield 0


@settings(max_examples=400, deadline=None)
@given(world=instances(), order=st.randoms(use_true_random=False), schedule=st.binary(min_size=100, max_size=100))
def test_any_order_repetition_and_interruption_gives_the_same_number_of_kills(
    world: list[Instance], order: Random, schedule: bytes
):
    server = Server(pods={one.number: pod_of(one, gone=False) for one in world})
    controllers = [Controller(server=server), Controller(server=server)]
    for one in controllers:
        one.restart()
    happenings: list[tuple[str, Any]] = [("record", one) for instance in world for one in instance.records]
    happenings += [("end", instance) for instance in world if instance.end]
    order.shuffle(happenings)
    choice = choices(schedule)

    for kind, what in happenings:
        server.now += next(choice) % 41
        if kind == "record":
            server.records[what.name] = what
        else:
            server.pods[what.number] = pod_of(what, gone=True)
        for controller in controllers:
            match ("sees", "misses", "restarts")[next(choice) % 3]:
                case "sees":
                    controller.records.update(server.records)
                    controller.pods.update(server.pods)
                case "restarts":
                    controller.restart()
            for _ in range(next(choice) % 3):
                controller.work(("", "before", "between")[next(choice) % 3])
    server.now += 200
    for controller in controllers:
        controller.restart()
        controller.work("")
        controller.work("")

    assert server.status.get("kills", 0) == sum(instance.kills for instance in world)
    assert all(one.used for one in server.records.values())
    settled = server.status
    controllers[0].work("")
    assert server.status == settled

    server.pods = {number: pod(uid=one.uid) for number, one in server.pods.items()}
    for controller in controllers:
        controller.restart()
        controller.records.update({name: replace(one) for name, one in server.records.items()})
        controller.work("")
    assert server.status.get("kills", 0) == settled.get("kills", 0)


@settings(max_examples=200, deadline=None)
@given(world=instances(), data=st.data())
def test_the_order_of_the_witnesses_does_not_change_what_the_report_says(data: st.DataObject, world: list[Instance]):
    records = [one for instance in world for one in instance.records]
    pods = tuple(pod_of(instance, gone=True) for instance in world)
    at_once = decide(evidence(*records, pods=pods, seconds=300), PATIENCE).status
    status: dict[str, Any] = {}
    for one in data.draw(st.permutations(records)):
        status = decide(evidence(one, status=status, seconds=299), PATIENCE).status
    status = decide(evidence(*records, pods=pods, status=status, seconds=300), PATIENCE).status or status

    for key in ("kills", "firstKillTime", "counted"):
        assert status.get(key) == at_once.get(key)
    if any(one.spec.source is Source.CGROUP_COUNTER for one in records):
        # A counter that stood for an earlier kill is shown as the last one until that kill's line arrives.
        return
    assert status.get("lastKillTime") == at_once.get("lastKillTime")
    assert status.get("lastKill", {}).get("id") == at_once.get("lastKill", {}).get("id")
    assert [k["id"] for k in status.get("recentKills", ())] == [k["id"] for k in at_once.get("recentKills", ())]
