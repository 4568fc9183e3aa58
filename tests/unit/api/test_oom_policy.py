import pytest
from pydantic import ValidationError

from oomreport.api.oom_policy import MOST_OVERRIDES, OOMPolicySpec


def test_an_empty_policy_is_valid_and_leaves_all_to_the_defaults() -> None:
    assert OOMPolicySpec.model_validate({}).model_dump(exclude_none=True) == {"overrides": ()}


def test_names_are_camel_case_and_sizes_stay_quantities() -> None:
    found = OOMPolicySpec.model_validate(
        {"recommendation": {"headroomPercent": 20, "maxMemory": "2Gi", "roundTo": "64Mi"}, "annotatePods": False}
    )
    assert found.recommendation is not None
    assert (found.recommendation.headroom_percent, found.recommendation.max_memory) == (20, "2Gi")
    assert found.annotate_pods is False


@pytest.mark.parametrize(
    "spec",
    [
        {"recommendation": {"headroomPercent": 4}},
        {"recommendation": {"maxRaises": 0}},
        {"recommendation": {"request": "Halve"}},
        {"retention": {"reportDays": 366}},
        {"overrides": [{"kind": "Job", "recommendation": {}}] * (MOST_OVERRIDES + 1)},
    ],
    ids=str,
)
def test_a_value_out_of_its_bounds_is_refused(spec: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OOMPolicySpec.model_validate(spec)
