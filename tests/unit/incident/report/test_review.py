"""A review holds until something materially different is recommended."""

from typing import Any

import pytest

from oomreport.incident.advice.kept_advice import KeptAdvice
from oomreport.incident.report.review import is_material, reviewed, reviewed_state
from oomreport.incident.report.status import ReportStatus, Reviewed

NOTHING = KeptAdvice()


def raised(limit: str = "480Mi", **more: Any) -> KeptAdvice:
    return KeptAdvice(**{"action": "RaiseLimit", "memory_limit": limit, "basis": "because"} | more)


@pytest.mark.parametrize(
    ("before", "after", "material"),
    [
        (NOTHING, NOTHING, False),
        (NOTHING, KeptAdvice(basis="nothing"), False),
        (NOTHING, raised(), True),
        (raised(), NOTHING, True),
        (raised(), KeptAdvice(action="FixLeak"), True),
        (raised(), raised(basis="other", confidence="High", previous_limit="1Gi", unknown=("Metrics",)), False),
        (raised("480Mi"), raised("512Mi"), False),
        (raised("480Mi"), raised("544Mi"), True),
        (raised("480Mi"), raised("416Mi"), True),
        # The same size in other words.
        (raised("1Gi"), raised("1024Mi"), False),
        # One step of rounding is more than 10 % of a small limit, and no other answer.
        (raised("64Mi"), raised("80Mi"), False),
        (raised("64Mi"), raised("96Mi"), True),
        (raised("512Mi"), raised("640Mi", policy={"roundTo": "128Mi"}), False),
        (raised("512Mi"), raised("768Mi", policy={"roundTo": "128Mi"}), True),
        (raised(), raised(memory_request="480Mi"), True),
        (raised(memory_request="256Mi"), raised(memory_request="512Mi"), True),
        (raised(memory_request="512Mi"), raised(memory_request="528Mi"), False),
    ],
)
def test_what_is_material(before: KeptAdvice, after: KeptAdvice, *, material: bool):
    assert is_material(before, after) is material


def state(
    stood: KeptAdvice,
    decision: str,
    generation: int,
    now: KeptAdvice | None = None,
    *,
    before: Reviewed | None = None,
) -> Reviewed | None:
    stored = ReportStatus(recommendation=stood, reviewed=before)
    return reviewed_state(stored, now or raised(), decision=decision, generation=generation)


def test_nobody_has_decided():
    assert state(raised(), "Pending", 1) is None
    assert reviewed(None, raised()).status == "False"
    assert reviewed(None, raised()).reason == "Pending"


def test_a_decision_is_about_what_stood_in_the_status_and_not_about_what_comes_with_it():
    found = state(raised("480Mi", memory_request="240Mi"), "Rejected", 2, raised("800Mi"))
    assert found == Reviewed(
        decision="Rejected", generation=2, action="RaiseLimit", memory_limit="480Mi", memory_request="240Mi"
    )


def test_a_rejected_recommendation_stays_reviewed_until_it_changes_materially():
    first = state(raised("480Mi"), "Rejected", 2)
    assert reviewed(first, raised("480Mi")).reason == "Rejected"
    same = state(raised("496Mi"), "Rejected", 2, raised("496Mi"), before=first)
    assert same == first
    assert reviewed(same, raised("496Mi")).status == "True"
    stale = reviewed(first, raised("800Mi"))
    assert (stale.status, stale.reason) == ("False", "RecommendationChanged")
    assert stale.message == (
        "Rejected was RaiseLimit (limit 480Mi); what is recommended now is RaiseLimit (limit 800Mi)"
    )


def test_small_steps_add_up_to_a_material_change():
    first = state(raised("480Mi"), "Rejected", 2)
    for limit in ("496Mi", "512Mi", "528Mi"):
        assert reviewed(first, raised(limit)).status == "True"
        first = state(raised(limit), "Rejected", 2, before=first)
    assert reviewed(first, raised("544Mi")).reason == "RecommendationChanged"


def test_the_same_decision_made_again_is_about_what_is_recommended_by_then():
    first = state(raised("480Mi"), "Rejected", 2)
    again = state(raised("800Mi"), "Rejected", 3, before=first)
    assert again
    assert again.memory_limit == "800Mi"
    assert reviewed(again, raised("800Mi")).status == "True"


def test_a_review_taken_back_is_forgotten():
    first = state(raised(), "Accepted", 2)
    assert state(raised(), "Pending", 3, before=first) is None
