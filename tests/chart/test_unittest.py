"""The suites of helm-unittest beside the chart, and that they look at every template and every setting."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from chart.helm import CHART
from support.programs import run

SUITES = sorted((CHART / "tests").glob("*_test.yaml"))
# What other tests of this folder hold: the same text for both components, and what a release sets.
ELSEWHERE = {
    "enabled",
    "image.digest",
    "global.imageRegistry",
    "crds.keep",
    "agent.allowSameNamespace",
    *(
        f"{component}.{knob}"
        for component in ("controller", "agent")
        for knob in ("affinity", "resources", "extraEnv", "extraVolumes", "extraVolumeMounts", "podAnnotations")
    ),
    "agent.extraArgs",
}


def test_every_suite_passes():
    said = run("helm-unittest", "--strict", "--color=false", CHART)
    tests = sum(len(yaml.safe_load(suite.read_text())["tests"]) for suite in SUITES)
    assert re.search(rf"^Tests: +{tests} passed, {tests} total$", said, re.MULTILINE), said


def test_every_template_has_a_suite():
    named = "".join(suite.read_text() for suite in SUITES)
    templates = [file.name for file in (CHART / "templates").iterdir() if file.suffix in (".yaml", ".txt")]
    assert [name for name in templates if f"templates/{name}" not in named] == []


def test_every_setting_is_set_by_a_test():
    tests = [test for suite in SUITES for test in yaml.safe_load(suite.read_text())["tests"]]
    used = {name for test in tests for name in leaves(test.get("set") or {})}
    schema = json.loads((CHART / "values.schema.json").read_text())
    missing = {
        name
        for name in {*settings(schema)} - ELSEWHERE
        if not any(one == name or one.startswith(f"{name}.") for one in used)
    }
    assert missing == set()


def settings(schema: dict[str, Any], above: str = "") -> Iterator[str]:
    """Yield the settings of a schema by their path; one that is a map of the user's is one setting."""
    for name, under in schema["properties"].items():
        if "properties" in under and not isinstance(under.get("additionalProperties"), dict):
            yield from settings(under, f"{above}{name}.")
        else:
            yield f"{above}{name}"


def leaves(values: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in values.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{name}.")
        else:
            yield name
