import sys
from pathlib import Path

import pytest

from pythons import folders, other_pythons, programs_in, python_of


def program(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


def test_programs_are_found_by_their_versioned_names_alone(tmp_path: Path) -> None:
    for name in ("python3", "python3.12", "python3.12-config", "python3.9", "pythonw3.12"):
        program(tmp_path / name)
    assert [path.name for path in programs_in([tmp_path, tmp_path / "missing"])] == ["python3.12", "python3.9"]


def test_a_folder_that_is_named_twice_is_searched_once(tmp_path: Path) -> None:
    program(tmp_path / "python3.12")
    assert len(list(programs_in([tmp_path, tmp_path]))) == 1


def test_the_versions_of_pyenv_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "versions/3.12.1/bin").mkdir(parents=True)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert tmp_path / "versions/3.12.1/bin" in list(folders())


def test_a_shim_that_starts_no_python_is_none(tmp_path: Path) -> None:
    assert python_of(program(tmp_path / "python3.12", "echo 'command not found' >&2", "exit 127")) is None


def test_a_release_is_asked_of_the_program(tmp_path: Path) -> None:
    python = python_of(program(tmp_path / "python3.12", "echo '[[3, 12, 1], true]'"))
    assert python is not None
    assert python.version == "3.12.1"


def test_a_python_of_an_environment_or_a_prerelease_does_not_count(tmp_path: Path) -> None:
    assert python_of(program(tmp_path / "python3.15", "echo '[[3, 15, 0], false]'")) is None


def test_old_pythons_and_the_one_that_runs_this_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = list(sys.version_info[:3])
    program(tmp_path / "python3.10", "echo '[[3, 10, 13], true]'")
    program(tmp_path / "python3.88", f"echo '[{own}, true]'")
    program(tmp_path / "python3.89", "echo '[[3, 89, 0], true]'")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = [python.version for python in other_pythons()]
    assert "3.89.0" in found
    assert "3.10.13" not in found
    assert ".".join(map(str, own)) not in found
