"""The commands and workflows in docs/gitops.md are ones that exist: a reader copies them."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from oomreport.cli.main import main

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "gitops.md").read_text()
COMMANDS = sorted(
    set(re.findall(r"^\s*(?:- )?(oomreport [a-z]+ [^\n|>#]*?)(?=\s{3,}|\s*(?:\||>|$))", TEXT, re.MULTILINE))
)
BLOCKS = re.findall(r"^( *)```yaml\n(.*?)^ *```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_that_is_understood(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    for module in ("apply", "export", "recommend", "review", "show", "listing"):
        monkeypatch.setattr(f"oomreport.cli.reports.{module}.run", lambda _: 0)
    assert main(shlex.split(command)[1:]) == 0, capsys.readouterr().err


def test_the_document_has_commands_and_blocks():
    assert len(COMMANDS) >= 8
    assert len(BLOCKS) >= 5


@pytest.mark.parametrize(("indent", "block"), BLOCKS)
def test_every_block_is_yaml(indent: str, block: str):
    text = "\n".join(line.removeprefix(indent) for line in block.splitlines())
    assert yaml.safe_load(text)
