"""Whatever happens to a workload, in whatever order: laws of Applied, Resolved and Regressed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from oomreport.incident.report.decision import decide
from oomreport.workload.quantity import MI, parse_quantity
from support.evidence import PATIENCE, cid, evidence, pod, record, running

QUICK = replace(PATIENCE, resolve_after=timedelta(seconds=90))
# Below, at and above what is recommended one after another; None is no limit.
LIMITS = (128, 256, 300, 448, 608, 1024, None)
STEPS = st.one_of(
    st.tuples(st.just("kill"), st.sampled_from(LIMITS), st.sampled_from(("Container", "Node", "Unknown"))),
    st.tuples(st.just("pods"), st.lists(st.sampled_from(LIMITS), max_size=3), st.booleans()),
    st.tuples(st.just("wait"), st.integers(1, 200), st.none()),
    st.tuples(st.just("review"), st.sampled_from(("Pending", "Accepted", "Rejected")), st.none()),
)


class World:
    """A workload, its pods, and the report that a controller keeps of it."""

    def __init__(self) -> None:
        self.status: dict[str, Any] = {}
        self.now, self.kills, self.generation, self.review = 0.0, 0, 1, "Pending"
        self.pods: tuple[Any, ...] = ()
        self.listed = True
        self.killed_at: list[tuple[str, int | None]] = []

    def step(self, what: str, first: Any, second: Any) -> None:
        self.now += 7
        records: tuple[Any, ...] = ()
        if what == "kill":
            self.kills += 1
            limit = None if second == "Unknown" or first is None else first * MI
            uid = f"00000000-0000-4000-8000-{self.kills:012d}"
            records = (
                record(
                    f"r-{self.kills:04d}",
                    seconds=self.now,
                    container=cid(self.kills + 99),
                    uid=uid,
                    limit=limit,
                    scope=second,
                ),
            )
            self.killed_at.append((second, limit))
        elif what == "pods":
            self.pods = tuple(
                pod(
                    running(instance=cid(index + 1), limit=size and size * MI),
                    uid=f"u{self.now}-{index}",
                    name=f"web-{index}",
                )
                for index, size in enumerate(first)
            )
            self.listed = second
        elif what == "wait":
            self.now += first
        else:
            self.generation += 1
            self.review = first
        self.look(*records)

    def look(self, *records: Any) -> bool:
        known = {"generation": self.generation, "review": self.review}
        found = evidence(
            *records, pods=self.pods, seconds=self.now, status=self.status, pods_listed=self.listed, **known
        )
        decision = decide(found, QUICK)
        self.status = decision.status or self.status
        return decision.changed

    def conditions(self) -> dict[str, dict[str, Any]]:
        return {one["type"]: one for one in self.status.get("conditions", ())}


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=14))
def test_the_laws_of_a_fix(steps: list[tuple[str, Any, Any]]):
    world = World()
    for step in steps:
        before = world.conditions()
        world.step(*step)
        if not world.status:
            continue
        now = world.conditions()
        applied, resolved, regressed = (now[kind]["status"] for kind in ("Applied", "Resolved", "Regressed"))
        # What holds is in force, and what was not enough is not.
        assert resolved != "True" or applied == "True"
        assert not (applied == "True" and regressed == "True")
        # Whatever is in force or was not enough is remembered.
        assert "applied" in world.status or (applied != "True" and regressed != "True")
        if regressed == "True":
            size = parse_quantity(world.status["applied"]["memoryLimit"]) or 0
            assert any(scope == "Container" and (limit is None or limit >= size) for scope, limit in world.killed_at)
        for kind, condition in before.items():
            moved = condition["lastTransitionTime"] != now[kind]["lastTransitionTime"]
            assert not moved or condition["status"] != now[kind]["status"]
        # Looking again at the same changes nothing, which is what a restart does.
        assert not world.look()
