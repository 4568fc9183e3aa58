"""The files for k9s name columns, fields and options that exist.

They were held against the schemas of k9s 0.50.16 by hand.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from oomreport.api.oom_record import OOMRecord
from oomreport.api.oom_report import OOMReport
from oomreport.cli.main import main

ROOT = Path(__file__).parents[2]
CRDS = {
    kind: yaml.safe_load((ROOT / f"crds/oomreport.dev_{kind}.yaml").read_text())["spec"]["versions"][0]
    for kind in (OOMReport.definition.plural, OOMRecord.definition.plural)
}


def of(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / f"contrib/k9s/{name}.yaml").read_text()))


def is_field(kind: str, path: str) -> bool:
    """Whether the CRD has a field at a path such as .status.kills."""
    schema = CRDS[kind]["schema"]["openAPIV3Schema"]
    for name in filter(None, path.split(".")):
        schema = schema.get("properties", {}).get(name)
        if schema is None:
            return False
    return True


def test_every_column_is_a_printer_column_or_a_field():
    ((where, view),) = of("views")["views"].items()
    assert where == "oomreport.dev/v1alpha1/oomreports"
    printed = {one["name"] for one in CRDS["oomreports"]["additionalPrinterColumns"]} | {"NAMESPACE"}
    for column in view["columns"]:
        name, _, path = column.partition(":")
        assert is_field("oomreports", path) if path else name.partition("|")[0] in printed, column
    assert view["sortColumn"].partition(":")[0] in view["columns"]


def test_every_jump_reads_a_field():
    for where, jump in of("jumps")["jumps"].items():
        for path in re.findall(r"\{\{(\S+)\}\}", " ".join(map(str, jump.values()))):
            assert is_field(where.rpartition("/")[2], path), path


@pytest.mark.parametrize("name", sorted(of("plugins")["plugins"]))
def test_a_plugin_runs_a_command_that_exists_with_options_that_exist(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    plugin = of("plugins")["plugins"][name]
    text = plugin["args"][1].partition(" |")[0] if plugin["command"] == "bash" else " ".join(plugin["args"])
    words = text.replace('"', "").removeprefix("oomreport ").replace("$CONTEXT", "no-such-context").split()
    # With options that are wrong argparse ends the process; with these the kubeconfig is looked for.
    assert main([*words, "--kubeconfig", str(tmp_path / "none")]) in (1, 2)
    assert "kubeconfig" in capsys.readouterr().err
    writes = words[0] in ("accept", "reject")
    assert plugin.get("confirm", False) is writes
