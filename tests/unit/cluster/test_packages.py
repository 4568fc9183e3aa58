"""Debian packages and trees that cannot be fetched: a machine that lacks them is named, no test fails of it."""

from pathlib import Path

import pytest

from cluster.lab.errors import CannotRunHereError
from cluster.lab.packages import debian_tree


def test_a_debian_that_cannot_be_fetched_is_something_the_machine_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "debootstrap"
    program.write_text("#!/bin/sh\necho 'E: Failed getting release file' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    with pytest.raises(
        CannotRunHereError, match=r"trixie cannot be fetched.*\n.*Failed getting release file"
    ) as raised:
        debian_tree(tmp_path / "root", "trixie", "python3")
    assert raised.value.exit_code == 3
