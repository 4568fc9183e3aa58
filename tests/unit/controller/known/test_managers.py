"""Who keeps a workload's manifest, by the marks that deployment tools leave."""

import asyncio
from dataclasses import replace

from oomreport.controller.known.managers import Managers
from support.controller import KEY, Parts

HELM = {
    "metadata": {
        "name": "web",
        "namespace": "shop",
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"},
    }
}


def manager(parts: Parts, container: str = "api") -> dict[str, str] | None:
    return asyncio.run(Managers(parts.api).manager_of(replace(KEY, container=container), lambda: None))


def test_the_marks_of_a_tool_are_told():
    parts = Parts()
    parts.api.put("apps/v1", "deployments", HELM)
    found = manager(parts)
    assert found is not None
    assert found["tool"] == "Helm"


def test_a_workload_without_marks_and_one_that_is_gone_are_told_apart():
    parts = Parts()
    assert manager(parts) is None
    parts.api.put("apps/v1", "deployments", {"metadata": {"name": "web", "namespace": "shop"}})
    assert manager(parts) == {}


def test_nothing_is_asked_about_what_is_no_container_of_a_workload():
    parts = Parts()
    assert manager(parts, "unknown") is None
    assert parts.api.asked("GET") == 0
