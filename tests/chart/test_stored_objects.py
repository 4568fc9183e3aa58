"""Objects that an older version stored, under the CRDs and the controller of this one.

`stored/` has what the controller of commit 85dbac6 wrote on an API server with its own CRDs, as the API server returned
it while that commit's integration tests ran. No version has been released; this one is the first that was given away.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.helm import ROOT
from chart.test_install import cluster as cluster  # noqa: PLC0414 - a fixture
from chart.test_install import get, install, kubectl, served
from integration.controller.process import Controller

STORED = Path(__file__).parent / "stored"
KINDS = ("oomreports", "oompolicies", "oomhooks", "oomrecords")
Object = dict[str, Any]


def stored(kind: str) -> list[Object]:
    return list(yaml.safe_load_all((STORED / f"{kind}.yaml").read_text()))


@pytest.fixture
def upgraded(cluster: None) -> Iterator[None]:
    """An API server with the old CRDs and objects, and then the chart of this version."""
    kubectl("apply", "--server-side", "-f", str(STORED / "crds.yaml"))
    # `kubectl wait` fails on an object that has no conditions yet.
    for kind in KINDS:
        eventually(f"{kind} are served", lambda kind=kind: "No resources" in listed(kind))
    objects = [one for kind in KINDS for one in stored(kind)]
    for namespace in {one["metadata"]["namespace"] for one in objects if "namespace" in one["metadata"]}:
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        kubectl("apply", "-f", "-", text=json.dumps(made))
    for one in objects:
        kubectl("create", "-f", "-", text=json.dumps({key: value for key, value in one.items() if key != "status"}))
        if "status" in one:
            status = json.dumps({"status": one["status"]})
            kubectl("patch", *where(one), "--subresource=status", "--type=merge", "-p", status)
    install(ROOT / "charts/oomreport", "--take-ownership")
    served()
    yield
    for kind in KINDS:
        kubectl("delete", kind, "--all", "-A", "--ignore-not-found")


def listed(kind: str) -> str:
    done = subprocess.run(["kubectl", "get", kind, "-A"], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def where(one: Object) -> tuple[str, ...]:
    metadata = one["metadata"]
    namespace = ("-n", metadata["namespace"]) if "namespace" in metadata else ()
    return (f"{one['kind'].lower()}.oomreport.dev", metadata["name"], *namespace)


def eventually(what: str, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def without_defaults(found: Any, expected: Any) -> Any:
    """Leave out of an answer what was not stored: a new CRD may have defaults."""
    if isinstance(found, dict) and isinstance(expected, dict):
        return {key: without_defaults(found[key], expected[key]) for key in expected if key in found}
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        return [without_defaults(one, other) for one, other in zip(found, expected, strict=True)]
    return found


def test_what_was_stored_is_read_whole_may_be_changed_and_is_carried_on_by_the_controller(
    upgraded: None, tmp_path: Path
):
    for one in (one for kind in KINDS for one in stored(kind)):
        found = get(*where(one))
        for part in ("spec", "status"):
            assert without_defaults(found.get(part), one.get(part)) == one.get(part), where(one)
        # A change of one field has the whole object validated.
        kubectl("annotate", *where(one), "upgraded=yes")

    reports = stored("oomreports")
    controller = Controller(os.environ["KUBECONFIG"], tmp_path).wait_ready()
    try:
        one = next(report for report in reports if report["status"]["recommendation"]["action"] != "None")
        before = one["status"]
        kubectl("patch", *where(one), "--type=merge", "-p", '{"spec": {"review": {"decision": "Accepted"}}}')
        eventually("the controller follows a review", lambda: condition(get(*where(one)), "Reviewed") == "True")
        after = get(*where(one))["status"]
        assert after["kills"] == before["kills"]
        assert [kill["id"] for kill in after["recentKills"]] == [kill["id"] for kill in before["recentKills"]]
        assert [entry["id"] for entry in after["counted"]] == [entry["id"] for entry in before["counted"]]
        assert after["lastKill"]["victim"] == before["lastKill"]["victim"]
    finally:
        controller.stop()


def condition(report: Object, kind: str) -> str | None:
    return next((one["status"] for one in report["status"]["conditions"] if one["type"] == kind), None)
