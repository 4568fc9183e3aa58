"""The workflows for GitHub are ones that GitHub takes."""

import re
from pathlib import Path

import pytest

from support.programs import run

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
SAMPLES = [
    (file, text)
    for file in sorted((ROOT / "docs").rglob("*.md"))
    for text in re.findall(r"^```yaml\n(.*?)^```$", file.read_text(), re.MULTILINE | re.DOTALL)
    if re.search(r"^jobs:$", text, re.MULTILINE) and re.search(r"^on:", text, re.MULTILINE)
]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_actionlint_has_no_complaint(file: Path):
    run("actionlint", "-no-color", file)


def test_actionlint_has_no_complaint_of_the_samples_in_the_docs(tmp_path: Path):
    assert SAMPLES
    for number, (file, text) in enumerate(SAMPLES):
        sample = tmp_path / f"{file.stem}-{number}.yaml"
        sample.write_text(text)
        run("actionlint", "-no-color", sample)
