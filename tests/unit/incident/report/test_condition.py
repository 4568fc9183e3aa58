"""Conditions move by their facts only."""

from typing import Any

import pytest

from oomreport.incident.report.condition import Finding, conditions, correlated, recommended
from support.evidence import after


@pytest.mark.parametrize(
    ("last", "recent", "waiting", "status", "reason"),
    [
        ({"verdict": "Confirmed"}, ["Confirmed"], False, "True", "WitnessesAgree"),
        ({"verdict": "KernelOnly", "silent": True}, ["KernelOnly"], False, "True", "WitnessesAgree"),
        ({"verdict": "KernelOnly"}, ["KernelOnly"], True, "Unknown", "WaitingForStatus"),
        ({"verdict": "KernelOnly"}, ["KernelOnly"], False, "False", "NoTermination"),
        ({"verdict": "Confirmed"}, ["Confirmed", "StatusOnly"], False, "False", "StatusOnly"),
        ({"verdict": "Contradicted"}, ["Contradicted"], False, "False", "Contradicted"),
    ],
)
def test_correlated(last: dict[str, Any], recent: list[str], status: str, reason: str, *, waiting: bool):
    found = correlated(last=last, recent=[{"verdict": verdict} for verdict in recent], waiting=waiting)
    assert (found.status, found.reason) == (status, reason)


def test_recommended():
    assert recommended({"action": "RaiseLimit"}).status == "True"
    assert recommended({"action": "None", "basis": "because"}).message == "because"


def reviewed(decision: str) -> Finding:
    return Finding(status="False" if decision == "Pending" else "True", reason=decision)


def test_the_time_moves_only_with_the_status():
    first = conditions([], {"Reviewed": reviewed("Pending")}, generation=1, now=after(0))
    same = conditions(first, {"Reviewed": reviewed("Pending")}, generation=2, now=after(60))
    moved = conditions(same, {"Reviewed": reviewed("Accepted")}, generation=3, now=after(120))
    again = conditions(moved, {"Reviewed": reviewed("Rejected")}, generation=4, now=after(180))
    times = [found[0]["lastTransitionTime"] for found in (first, same, moved, again)]
    assert times == ["2026-11-20T20:21:07Z", "2026-11-20T20:21:07Z", "2026-11-20T20:23:07Z", "2026-11-20T20:23:07Z"]
    assert again[0]["reason"] == "Rejected"
    assert again[0]["observedGeneration"] == 4
