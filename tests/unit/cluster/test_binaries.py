"""When the binaries in the cache are the right ones."""

from dataclasses import replace
from pathlib import Path

import pytest

from cluster.lab.binaries import MODULE, key
from cluster.lab.places import MODULES


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "go.mod").write_text("module example.org/tools\n")
    (tmp_path / "go.sum").write_text("example.org/a v1.0.0 h1:abc=\n")
    return tmp_path


def test_the_key_changes_with_the_module_its_sums_and_the_flags(module: Path) -> None:
    etcd = MODULE["etcd"]
    keys = [key(etcd, module), key(replace(etcd, cgo=True), module), key(replace(etcd, flags=("-race",)), module)]
    (module / "go.sum").write_text("example.org/a v1.0.0 h1:abd=\n")
    keys.append(key(etcd, module))
    (module / "go.mod").write_text("module example.org/tools\n\ngo 1.26\n")
    keys.append(key(etcd, module))
    assert len(set(keys)) == len(keys)


def test_a_byte_that_moves_between_the_two_files_gives_another_key(module: Path) -> None:
    before = key(MODULE["etcd"], module)
    (module / "go.mod").write_text("module example.org/tools\ne")
    (module / "go.sum").write_text("xample.org/a v1.0.0 h1:abc=\n")
    assert key(MODULE["etcd"], module) != before


@pytest.mark.parametrize("name", MODULE)
def test_every_program_is_a_tool_of_its_module(name: str) -> None:
    text = (MODULES / name / "go.mod").read_text()
    assert [package for package in MODULE[name].programs.values() if package not in text] == []
