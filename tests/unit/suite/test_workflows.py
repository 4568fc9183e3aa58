"""Workflows name every action by a commit, and no job has a right that it does not use."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
PAGES = sorted((ROOT / "docs").rglob("*.md"))


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(request.param.read_text())
    return found


@pytest.mark.parametrize("file", [*WORKFLOWS, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_an_action_is_named_by_the_commit_of_a_release_that_is_written_beside_it(file: Path) -> None:
    for line in re.findall(r"^.*\buses: .*$", file.read_text(), re.MULTILINE):
        assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_a_workflow_has_no_rights_and_each_job_names_its_own(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert "write-all" not in job["permissions"]
        assert job["permissions"]["contents"] in ("read", "write")


def test_a_release_makes_the_image_for_both_machines_and_what_release_dry_makes() -> None:
    text = (ROOT / ".github/workflows/release.yaml").read_text()
    machines = yaml.safe_load(text)["jobs"]["image"]["strategy"]["matrix"]["include"]
    assert {one["machine"] for one in machines} == {"amd64", "arm64"}
    for target in re.findall(r"\bmake ([a-z-]+)", text):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


def test_no_value_of_an_event_is_pasted_into_a_script(workflow: dict[str, Any]) -> None:
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), step


@pytest.mark.parametrize("file", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sample_job_runs_an_image_that_somebody_may_replace(file: Path) -> None:
    for name in re.findall(r"image: \{name: \"([^\"]+)\"", file.read_text()):
        assert name.startswith(("$", "ghcr.io/oomreport/oomreport:")), name
