"""OOMPolicy on a real API server: what its rules take and refuse."""

from typing import Any

import pytest

from integration.api_server import ADMIN, Object, RefusedError


def policy(namespace: str, spec: dict[str, Any]) -> Object:
    return {
        "apiVersion": "oomreport.dev/v1alpha1",
        "kind": "OOMPolicy",
        "metadata": {"name": "default", "namespace": namespace},
        "spec": spec,
    }


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"recommendation": {"headroomPercent": 20, "minMemory": "64Mi", "maxMemory": "4Gi", "roundTo": "64Mi"}},
        {"recommendation": {"maxMemory": 1073741824, "request": "EqualLimit", "enabled": False, "maxRaises": 3}},
        {"overrides": [{"kind": "Deployment", "name": "web", "recommendation": {"maxMemory": "8Gi"}}]},
        {"retention": {"reportDays": 30}, "annotatePods": False},
        {"review": {"resolveAfter": "24h"}},
        {"review": {"resolveAfter": "1h30m"}},
    ],
)
def test_a_sensible_policy_is_taken(namespace: str, spec: dict[str, Any]) -> None:
    ADMIN.create(policy(namespace, spec), dry_run=True)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"recommendation": {"minMemory": "2Gi", "maxMemory": "1Gi"}}, "minMemory must not be greater than maxMemory"),
        ({"recommendation": {"minMemory": 2048, "maxMemory": "1Ki"}}, "minMemory must not be greater than maxMemory"),
        ({"recommendation": {"maxMemory": "0"}}, "must be greater than 0"),
        ({"recommendation": {"maxMemory": "4G1"}}, "is no quantity; write a number of bytes or one like 320Mi"),
        ({"recommendation": {"roundTo": "1Ki"}}, "at least 1Mi"),
        ({"recommendation": {"headroomPercent": 1}}, "headroomPercent"),
        ({"recommendation": {"request": "Double"}}, "request"),
        ({"retention": {"reportDays": 0}}, "reportDays"),
        ({"review": {"resolveAfter": "0s"}}, "a duration from 1s to 8760h"),
        ({"review": {"resolveAfter": "9000h"}}, "a duration from 1s to 8760h"),
        ({"review": {"resolveAfter": "3d"}}, "resolveAfter"),
        ({"retention": {"reportDays": 1000}}, "reportDays"),
        ({"overrides": [{"recommendation": {"maxMemory": "1Gi"}}]}, "must name a kind, a name or a container"),
        ({"overrides": [{"name": "web", "recommendation": {}}]}, "a name needs its kind"),
        (
            {"overrides": [{"container": "api", "recommendation": {"minMemory": "2Gi", "maxMemory": "1Gi"}}]},
            "minMemory must not be greater",
        ),
    ],
)
def test_a_contradiction_is_refused_in_words(namespace: str, spec: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RefusedError, match=complaint):
        ADMIN.create(policy(namespace, spec), dry_run=True)
