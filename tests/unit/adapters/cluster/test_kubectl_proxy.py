"""A kubectl that does not do what it should. The real one is in tests/integration/test_plugin.py."""

import tempfile
from pathlib import Path

import pytest

from oomreport.adapters.cluster.kubectl_proxy import KubectlProxy, context_by_kubectl, kubectl_options
from oomreport.errors import ApiError


def kubectl(folder: Path, script: str) -> str:
    """A program with the name of kubectl."""
    file = folder / "kubectl"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


def test_a_proxy_that_ends_at_once_gives_its_words_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    program = kubectl(tmp_path, 'echo "error: exec plugin: not logged in" >&2; exit 1')
    with pytest.raises(ApiError, match=r"^kubectl proxy: exec plugin: not logged in$"):
        KubectlProxy(program, ()).send("GET", "/version")
    assert not list(scratch.iterdir())


def test_a_kubeconfig_without_a_context_says_what_to_give(tmp_path: Path) -> None:
    program = kubectl(tmp_path, 'echo "error: current-context must exist in order to minify" >&2; exit 1')
    with pytest.raises(ApiError, match="--context NAME chooses one"):
        context_by_kubectl(program, ())


def test_a_context_without_a_namespace_is_in_default(tmp_path: Path) -> None:
    program = kubectl(tmp_path, """echo '{"contexts": [{"context": {"user": "ada"}}]}'""")
    assert context_by_kubectl(program, ()) == ("default", "ada")


def test_options_are_those_of_kubectl() -> None:
    assert kubectl_options("dev", "/a b") == ("--context=dev", "--kubeconfig=/a b")
    assert kubectl_options(None, None) == ()
