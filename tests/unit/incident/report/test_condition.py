"""Conditions move by their facts only."""

import pytest

from oomreport.incident.advice.kept_advice import KeptAdvice
from oomreport.incident.advice.raising import AdviceInput
from oomreport.incident.kill import Kill, RecentKill, Verdict
from oomreport.incident.report.condition import ConditionFound, conditions, correlated, recommended
from oomreport.times import rfc3339_seconds
from support.evidence import after, kill

CONFIRMED, KERNEL_ONLY = Verdict.CONFIRMED, Verdict.KERNEL_ONLY
STATUS_ONLY, CONTRADICTED = Verdict.STATUS_ONLY, Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("last", "recent", "waiting", "status", "reason"),
    [
        (kill(), [CONFIRMED], False, "True", "WitnessesAgree"),
        (kill(verdict=KERNEL_ONLY, silent=True), [KERNEL_ONLY], False, "True", "ContainerLivedOn"),
        (kill(verdict=KERNEL_ONLY), [KERNEL_ONLY], True, "Unknown", "WaitingForStatus"),
        (kill(verdict=KERNEL_ONLY), [KERNEL_ONLY], False, "False", "NoTermination"),
        (kill(), [CONFIRMED, STATUS_ONLY], False, "False", "StatusOnly"),
        (kill(verdict=CONTRADICTED), [CONTRADICTED], False, "False", "Contradicted"),
    ],
)
def test_correlated(last: Kill, recent: list[Verdict], status: str, reason: str, *, waiting: bool):
    short = [RecentKill(id=str(number), time=after(0), verdict=verdict) for number, verdict in enumerate(recent)]
    found = correlated(last=last, recent=short, waiting=waiting)
    assert (found.status, found.reason) == (status, reason)


def test_recommended():
    assert recommended(KeptAdvice(action="RaiseLimit")).status == "True"
    assert recommended(KeptAdvice(basis="because")).message == "because"


def test_a_bound_that_leaves_no_raise_is_the_reason():
    def capped(source: str) -> str:
        advice = KeptAdvice(basis="No raise.", inputs=(AdviceInput(name="most", value="64Mi", source=source),))
        return recommended(advice).reason

    assert capped("maxMemory of OOMPolicy shop/default (64Mi)") == "CappedByPolicy"
    assert capped("the namespace's LimitRange (64Mi)") == "Capped"


def reviewed(decision: str) -> ConditionFound:
    return ConditionFound(status="False" if decision == "Pending" else "True", reason=decision)


def test_the_time_moves_only_with_the_status():
    first = conditions((), {"Reviewed": reviewed("Pending")}, generation=1, now=after(0))
    same = conditions(first, {"Reviewed": reviewed("Pending")}, generation=2, now=after(60))
    moved = conditions(same, {"Reviewed": reviewed("Accepted")}, generation=3, now=after(120))
    again = conditions(moved, {"Reviewed": reviewed("Rejected")}, generation=4, now=after(180))
    times = [rfc3339_seconds(found[0].last_transition_time or after(-1)) for found in (first, same, moved, again)]
    assert times == ["2026-11-20T20:21:07Z", "2026-11-20T20:21:07Z", "2026-11-20T20:23:07Z", "2026-11-20T20:23:07Z"]
    assert again[0].reason == "Rejected"
    assert again[0].observed_generation == 4
