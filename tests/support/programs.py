"""Programs of others, compiled once a machine from pinned Go modules (tests/cluster/modules)."""

import subprocess
from functools import cache
from pathlib import Path

import pytest

from cluster.lab.binaries import binaries
from cluster.lab.errors import CannotRunHereError


@cache
def program(name: str) -> Path:
    """Return a program; the test is skipped, with the reason, where it cannot be compiled here."""
    try:
        return binaries(name) / name
    except CannotRunHereError as error:
        pytest.skip(f"{name}: {error}")


def run(name: str, *arguments: str | Path, text: str | None = None) -> str:
    """Return what a program printed to standard output; its failure fails the test with its words."""
    done = subprocess.run(
        [program(name), *map(str, arguments)], input=text, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{name} {' '.join(map(str, arguments))}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
