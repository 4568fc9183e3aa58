from datetime import timedelta

import pytest

from oomreport.incident.witness.policy import DEFAULT, Conduct, RequestRule, conduct_for, policy_for
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
        ({"kind": "deployment", "name": "web"}, True),
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


def test_the_policy_that_caps_is_known_by_name() -> None:
    cluster, namespace = {"recommendation": {"maxMemory": "4Gi"}}, {"recommendation": {"headroomPercent": 50}}
    assert policy_for(WEB, "api", [cluster, namespace], ["system/all", "shop/own"]).maximum_of == "system/all"
    lower = {"overrides": [{"kind": "Deployment", "recommendation": {"maxMemory": "1Gi"}}]}
    assert policy_for(WEB, "api", [cluster, lower], ["system/all", "shop/own"]).maximum_of == "shop/own"


def test_what_a_policy_decides_besides_is_the_nearest_value_too() -> None:
    cluster = {"retention": {"reportDays": 30}, "annotatePods": False}
    assert conduct_for([]) == Conduct(report_days=None, annotate_pods=True)
    assert conduct_for([cluster]) == Conduct(report_days=30, annotate_pods=False)
    assert conduct_for([cluster, {"annotatePods": True}]) == Conduct(report_days=30, annotate_pods=True)
    assert conduct_for([cluster, {"retention": {"reportDays": 3}}]) == Conduct(report_days=3, annotate_pods=False)


def test_what_no_one_can_read_changes_nothing() -> None:
    assert policy_for(WEB, "api", [{"recommendation": {"maxMemory": "much", "request": "Double"}}]) == DEFAULT


@pytest.mark.parametrize(
    ("text", "seconds"), [("24h", 86_400), ("1h30m", 5400), ("90s", 90), ("1.5h", 5400), ("0s", None), ("1d", None)]
)
def test_the_quiet_window_is_a_duration_as_go_writes_it(text: str, seconds: int | None) -> None:
    found = conduct_for([{"review": {"resolveAfter": "2h"}}, {"review": {"resolveAfter": text}}]).resolve_after
    assert found == timedelta(seconds=seconds or 7200)


def test_without_a_policy_the_options_decide_how_long_quiet_has_to_be() -> None:
    assert conduct_for([{}, {"review": {}}, {"review": {"resolveAfter": 3}}]).resolve_after is None
