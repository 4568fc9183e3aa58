"""A raise is the test that tells a leak from a demand that ends."""

import bisect
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomreport.incident.memory.flight_recorder import FlightRecorder
from oomreport.incident.memory.usage_since import DAY, MemoryReading, UsageSince, looked
from oomreport.incident.report.decision import decide
from oomreport.incident.report.rollout_conditions import is_followed
from oomreport.incident.witness.surroundings import Surroundings
from oomreport.times import rfc3339, rfc3339_seconds
from oomreport.workload.quantity import GI, MI, parse_quantity
from support.evidence import PATIENCE, after, cid, container, evidence, pod, record, running, termination

HOUR = 3600.0
Demand = Callable[[float], float]


@dataclass
class Life:
    """A container under a limit, whose report is kept from kill to kill; what is recommended is applied."""

    demand: Demand
    limit: int
    longest: float
    status: dict[str, Any] = field(default_factory=dict)
    clock: float = 0.0
    instance: int = 0

    def killed(self) -> bool:
        """Run one instance; return whether it was killed."""
        step, age, recorder = max(5.0, self.longest / 400), 0.0, FlightRecorder()
        while age <= self.longest:
            size = self.demand(age)
            if size > self.limit:
                self._tell(recorder, age)
                return True
            recorder.add(age, int(size))
            age += step
        return False

    def _tell(self, recorder: FlightRecorder, age: float) -> None:
        self.instance += 1
        start = self.clock
        self.clock += age + 10.0
        recording = recorder.recording()
        life = recording and {
            "startTime": rfc3339(after(start + recording.life.start)),
            "intervalSeconds": recording.life.interval,
            "bytes": list(recording.life.sizes),
        }
        end = termination(cid(self.instance), seconds=start + age + 1)
        facts = container(limit=self.limit, terminations=(end,), attempt=0)
        killed = record(
            f"worker-1-9f1c2b7a-{self.instance}",
            seconds=start + age,
            container=cid(self.instance),
            limit=self.limit,
            usage={**life, "life": life} if life else None,
        )
        seen = evidence(killed, pods=(pod(facts),), seconds=start + age + 0.2, status=self.status)
        self.status = decide(seen, PATIENCE).status
        self.limit = parse_quantity(self.advice.get("memoryLimit")) or self.limit

    @property
    def advice(self) -> dict[str, Any]:
        found: dict[str, Any] = self.status["recommendation"]
        return found


def leak(base: float, rate: float) -> Demand:
    return lambda age: base + rate * age


@pytest.mark.parametrize("hours", [0.5, 6, 40])
def test_a_leak_is_raised_once_and_named_at_its_second_kill(hours: float) -> None:
    life = Life(leak(200 * MI, 312 * MI / hours / HOUR), 512 * MI, longest=20 * hours * HOUR)

    assert life.killed()
    assert life.advice["action"] == "RaiseLimit"
    assert life.killed()
    assert life.advice["action"] == "FixLeak"
    assert "memoryLimit" not in life.advice
    assert {"earlierLimit", "timeToFill", "plannedRestart"} <= {one["name"] for one in life.advice["inputs"]}
    assert life.killed()
    assert life.advice["action"] == "FixLeak"


@pytest.mark.parametrize("times", [1.1, 1.5, 2.0, 2.4])
def test_a_cache_that_fills_evenly_and_stops_is_raised_once_and_never_named(times: float) -> None:
    life = Life(lambda age: min(100 * MI + 400 * MI * age / HOUR, times * 512 * MI), 512 * MI, longest=10 * HOUR)

    assert life.killed()
    assert life.advice["action"] == "RaiseLimit"
    assert not life.killed()


def test_the_name_is_taken_back_by_an_instance_that_fills_much_sooner() -> None:
    life = Life(leak(200 * MI, 312 * MI / HOUR), 512 * MI, longest=20 * HOUR)
    life.killed()
    life.killed()
    assert life.advice["action"] == "FixLeak"
    before = life.limit

    life.demand = leak(200 * MI, 10 * 312 * MI / HOUR)
    assert life.killed()
    assert life.advice["action"] == "RaiseLimit"
    assert life.limit > before


def test_a_limit_that_was_raised_too_often_is_raised_after_three_kills_in_a_row() -> None:
    life = Life(lambda age: 100 * GI if age > HOUR / 2 else MI, 512 * MI, longest=HOUR)
    for _ in range(7):
        assert life.killed()
    assert life.advice["action"] == "None"
    assert "raised 6 times" in life.advice["basis"]
    assert life.killed()
    assert life.killed()
    assert life.advice["action"] == "RaiseLimit"


@given(
    shape=st.lists(st.floats(0, 1), min_size=2, max_size=20),
    times=st.floats(1.01, 30),
    hours=st.floats(0.05, 200),
    limit=st.integers(16, 4096),
)
@settings(max_examples=150, deadline=None)
def test_no_demand_that_ends_is_stuck(shape: list[float], times: float, hours: float, limit: int) -> None:
    """Whatever the way, and however far the limit is too low: the kills come to an end."""
    need, span = times * limit * MI, hours * HOUR
    marks = [span * number / len(shape) for number in range(len(shape))]
    top = max(*shape, 0.01)
    sizes = [need * size / top for size in shape]
    life = Life(lambda age: sizes[bisect.bisect_right(marks, age) - 1], limit * MI, longest=1.1 * span)

    assert any(not life.killed() for _ in range(60)), life.advice


@given(times=st.floats(1.01, 30), base=st.floats(0, 0.9), hours=st.floats(0.2, 200))
@settings(max_examples=50, deadline=None)
def test_no_even_rise_that_ends_is_stuck(times: float, base: float, hours: float) -> None:
    """What looks like a leak for longest: after ten kills at one limit nothing tells of an earlier one any more."""
    limit, need = 512 * MI, times * 512 * MI
    life = Life(lambda age: min(limit * base + need * age / hours / HOUR, need), limit, longest=1.1 * hours * HOUR)

    assert any(not life.killed() for _ in range(120)), life.advice


def look(
    status: dict[str, Any],
    sizes: Demand,
    *,
    days: float,
    limit: int,
    source: str = "metrics.k8s.io",
    start: float = 0.0,
) -> tuple[dict[str, Any], UsageSince]:
    """Look at a running container every ten minutes, and decide."""
    usage: UsageSince | None = None
    began = after(start)
    for minute in range(0, int(days * 1440) + 1, 10):
        reading = MemoryReading(size=int(sizes(minute * 60.0)), started=began)
        usage = looked(
            usage, [reading], now=began + timedelta(minutes=minute), limit=limit, request=limit // 2, source=source
        )
    assert usage
    seen = evidence(
        pods=(pod(running(limit=limit, instance=cid(99))),),
        pods_listed=True,
        seconds=start + days * DAY,
        status=status,
        surroundings=Surroundings(usage=usage),
    )
    return decide(seen, PATIENCE).status, usage


def killed_once(demand: Demand | None = None) -> Life:
    life = Life(demand or (lambda age: GI if age > HOUR else 100 * MI), 512 * MI, longest=2 * HOUR)
    assert life.killed()
    return life


def test_a_limit_far_above_the_peak_is_lowered_after_two_days() -> None:
    life = killed_once()
    status, _ = look(life.status, lambda _: 550 * MI, days=2.1, limit=GI)

    advice = status["recommendation"]
    assert (advice["action"], advice["memoryLimit"], advice["previousLimit"]) == ("LowerLimit", "608Mi", "1Gi")
    assert advice["memoryRequest"] == "304Mi"
    assert {"peak", "limitThatFired", "headroom"} <= {one["name"] for one in advice["inputs"]}


def test_a_limit_is_not_lowered_before_two_periods_of_load_nor_while_memory_rises() -> None:
    life = killed_once()

    assert look(life.status, lambda _: 550 * MI, days=1.9, limit=GI)[0]["recommendation"]["action"] == "RaiseLimit"
    rising = look(life.status, lambda age: 400 * MI + 60 * MI * age / DAY, days=2.5, limit=GI)[0]
    assert rising["recommendation"]["action"] == "RaiseLimit"


def test_a_limit_is_not_lowered_to_one_that_has_fired() -> None:
    life = killed_once()
    status, _ = look(life.status, lambda _: 100 * MI, days=5, limit=GI)

    lowered = parse_quantity(status["recommendation"]["memoryLimit"])
    assert lowered
    assert lowered > 512 * MI


def test_a_running_container_that_goes_on_past_the_old_limit_is_named_and_taken_back_when_it_levels_off() -> None:
    life = Life(leak(400 * MI, 112 * MI / HOUR), 512 * MI, longest=2 * HOUR)
    life.killed()
    status, _ = look(life.status, leak(400 * MI, 112 * MI / HOUR), days=0.3, limit=2 * GI, start=2 * HOUR)
    assert status["recommendation"]["action"] == "FixLeak"

    def levels_off(age: float) -> float:
        return min(400 * MI + 112 * MI * age / HOUR, 1200 * MI)

    status, _ = look(status, levels_off, days=1.5, limit=2 * GI, start=2 * HOUR)
    assert status["recommendation"]["action"] == "None"


@pytest.mark.parametrize(("held", "request_", "lowered"), [(600, None, "656Mi"), (400, "432Mi", "432Mi")])
def test_a_request_that_was_raised_for_the_node_is_not_lowered_with_the_limit(
    held: int, request_: str | None, lowered: str
) -> None:
    """The node would kill it again. A request is never above the limit."""
    killed = record(scope="Node", limit=None)
    seen = evidence(killed, pods=(pod(container(limit=GI, memory_request=128 * MI, attempt=0)),))
    status, _ = look(decide(seen, PATIENCE).status, lambda _: held * MI, days=2.1, limit=GI, start=10.0)

    advice = status["recommendation"]
    assert (advice["action"], advice["memoryLimit"]) == ("LowerLimit", lowered)
    assert advice.get("memoryRequest") == request_


def mended_leak() -> tuple[Life, dict[str, Any]]:
    """A leak that was named at its second kill, and then a container that does not grow: seen for half a day."""
    life = Life(leak(200 * MI, 312 * MI / HOUR), 512 * MI, longest=20 * HOUR)
    life.killed()
    life.killed()
    assert life.advice["action"] == "FixLeak"
    assert life.limit == 1280 * MI
    status, _ = look(life.status, lambda _: 250 * MI, days=0.5, limit=life.limit, start=life.clock)
    assert status["recommendation"]["action"] == "None"
    assert is_followed(status)
    return life, status


def test_once_a_leak_is_mended_its_kills_hold_no_limit_up() -> None:
    life, status = mended_leak()
    assert status["leakEnded"] == rfc3339_seconds(after(life.clock))

    early, _ = look(status, lambda _: 250 * MI, days=1.9, limit=life.limit, start=life.clock)
    assert early["recommendation"]["action"] == "None"
    status, _ = look(status, lambda _: 250 * MI, days=2.1, limit=life.limit, start=life.clock)
    assert status["recommendation"]["action"] == "LowerLimit"
    assert status["recommendation"]["memoryLimit"] == "272Mi"

    life.status, life.limit, life.demand = status, 272 * MI, lambda age: 300 * MI if age > HOUR else 200 * MI
    life.clock += 3 * DAY
    assert life.killed()
    assert (life.advice["action"], life.advice["memoryLimit"]) == ("RaiseLimit", "416Mi")


def test_while_a_leak_has_its_name_no_limit_is_lowered() -> None:
    growth = leak(400 * MI, 112 * MI / (40 * HOUR))
    life = Life(growth, 512 * MI, longest=80 * HOUR)
    life.killed()
    status, _ = look(life.status, growth, days=9.5, limit=2 * GI, start=life.clock)
    assert status["recommendation"]["action"] == "FixLeak"

    status, _ = look(status, lambda _: 300 * MI, days=3.2, limit=2 * GI, start=life.clock + 10 * DAY)
    assert status["recommendation"]["action"] == "FixLeak"


def test_what_fills_sooner_than_the_leak_did_ends_none() -> None:
    life = Life(leak(200 * MI, 312 * MI / HOUR), 512 * MI, longest=20 * HOUR)
    life.killed()
    life.killed()
    life.demand = leak(200 * MI, 10 * 312 * MI / HOUR)
    life.killed()

    assert life.advice["action"] == "RaiseLimit"
    assert "leakEnded" not in life.status


def condition(status: dict[str, Any], kind: str) -> tuple[str, str]:
    found = next(one for one in status["conditions"] if one["type"] == kind)
    return found["status"], found["reason"]


def test_a_lowered_limit_is_applied_where_every_pod_has_it_and_regressed_where_it_kills() -> None:
    life = killed_once()
    lowered, _ = look(life.status, lambda _: 550 * MI, days=2.1, limit=GI)
    assert condition(lowered, "Applied") == ("False", "NotApplied")

    applied, _ = look(lowered, lambda _: 550 * MI, days=0.1, limit=608 * MI, start=3 * DAY)
    assert applied["recommendation"]["action"] == "LowerLimit"
    assert condition(applied, "Applied") == ("True", "Trimmed")

    life.status, life.limit, life.clock, life.instance = applied, 608 * MI, 4 * DAY, 200
    assert life.killed()
    assert condition(life.status, "Regressed") == ("True", "KilledAgain")
    assert life.advice["action"] == "RaiseLimit"
    assert life.limit > 608 * MI


def test_a_resolved_report_says_how_far_the_peak_stayed_from_the_limit() -> None:
    life = killed_once()
    status, _ = look(life.status, lambda _: 480 * MI, days=1.2, limit=GI)
    status, _ = look(status, lambda _: 480 * MI, days=1.2, limit=GI, start=1.3 * DAY)

    (resolved,) = [one for one in status["conditions"] if one["type"] == "Resolved"]
    assert resolved["status"] == "True"
    assert "480Mi (46 %, metrics.k8s.io)" in resolved["message"]


def test_the_next_kill_of_a_named_leak_is_forecast_before_it_comes() -> None:
    life = Life(leak(200 * MI, 312 * MI / HOUR), 512 * MI, longest=20 * HOUR)
    life.killed()
    life.killed()
    assert condition(life.status, "AtRisk") == ("Unknown", "NotWatched")

    status, _ = look(life.status, leak(200 * MI, 312 * MI / HOUR), days=0.08, limit=life.limit, start=life.clock)
    assert condition(status, "AtRisk") == ("True", "LimitFills")
    assert status["forecast"]["earliest"] <= status["forecast"]["fullAt"] <= status["forecast"]["latest"]


def test_the_memory_of_running_containers_outlives_a_look_that_nobody_made() -> None:
    life = killed_once()
    status, usage = look(life.status, lambda _: 480 * MI, days=0.5, limit=GI)
    again = decide(evidence(pods=(), seconds=DAY, status=status), PATIENCE).status

    assert again["usageSince"] == status["usageSince"]
    assert usage.peak == again["usageSince"]["peakBytes"] == 480 * MI
