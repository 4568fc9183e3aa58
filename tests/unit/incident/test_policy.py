import pytest

from oomreport.incident.policy import DEFAULT, Conduct, RequestRule, conduct_for, policy_for
from oomreport.workload.owner import Workload
from oomreport.workload.quantity import GI, MI

WEB = Workload(api_version="apps/v1", kind="Deployment", name="web")


def test_no_object_is_needed() -> None:
    assert policy_for(WEB, "api", []) == DEFAULT


def test_the_nearer_policy_wins_value_by_value() -> None:
    cluster = {"recommendation": {"maxMemory": "4Gi", "headroomPercent": 20}}
    namespace = {"recommendation": {"headroomPercent": 50}}

    found = policy_for(WEB, "api", [cluster, namespace])

    assert (found.maximum, found.headroom_percent) == (4 * GI, 50)


@pytest.mark.parametrize(
    ("override", "fits"),
    [
        ({"kind": "Deployment", "name": "web"}, True),
        ({"kind": "Deployment", "name": "web", "container": "api"}, True),
        ({"container": "api"}, True),
        ({"kind": "StatefulSet", "name": "web"}, False),
        ({"kind": "Deployment", "name": "other"}, False),
        ({"container": "sidecar"}, False),
    ],
)
def test_an_override_holds_where_all_that_it_names_fits(override: dict[str, str], *, fits: bool) -> None:
    spec = {"overrides": [{**override, "recommendation": {"roundTo": "64Mi", "request": "EqualLimit"}}]}

    found = policy_for(WEB, "api", [spec])

    assert (found.rounding == 64 * MI) is fits
    assert (found.request is RequestRule.EQUAL_LIMIT) is fits


def test_what_a_policy_decides_besides_is_the_nearest_value_too() -> None:
    cluster = {"retention": {"reportDays": 30}, "annotatePods": False}
    assert conduct_for([]) == Conduct(report_days=None, annotate_pods=True)
    assert conduct_for([cluster]) == Conduct(report_days=30, annotate_pods=False)
    assert conduct_for([cluster, {"annotatePods": True}]) == Conduct(report_days=30, annotate_pods=True)
    assert conduct_for([cluster, {"retention": {"reportDays": 3}}]) == Conduct(report_days=3, annotate_pods=False)


def test_what_no_one_can_read_changes_nothing() -> None:
    assert policy_for(WEB, "api", [{"recommendation": {"maxMemory": "much", "request": "Double"}}]) == DEFAULT
