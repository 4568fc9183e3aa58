"""The Pythons of this machine that the project supports, and a virtual environment for each.

A Python counts where it is found as `python3.N` in a folder of PATH, /usr/bin or /usr/local/bin, or among the versions
of pyenv and uv. Each release is taken once. Its environment is `.venv-VERSION` in the checkout, exactly as locked.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
ASK = (
    "import json, sys; print(json.dumps([list(sys.version_info[:3]), sys.version_info[3] == 'final'"
    " and sys.implementation.name == 'cpython' and sys.prefix == sys.base_prefix]))"
)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Python:
    """An interpreter: its release, and the program that starts it."""

    release: tuple[int, int, int]
    program: Path

    @property
    def version(self) -> str:
        """The release as text, as in 3.11.2."""
        return ".".join(map(str, self.release))


def other_pythons() -> list[Python]:
    """Return a supported Python for each release that is on this machine, but for the one that runs this."""
    found: dict[tuple[int, int, int], Python] = {}
    for program in programs_in(folders()):
        python = python_of(program)
        if python and python.release[:2] >= OLDEST and python.release != sys.version_info[:3]:
            found.setdefault(python.release, python)
    return sorted(found.values())


def folders() -> Iterator[Path]:
    """Yield the folders where Pythons may be."""
    yield from map(Path, os.environ.get("PATH", "").split(os.pathsep))
    yield from (Path("/usr/bin"), Path("/usr/local/bin"))
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local/share/uv/python")
    for versions in (pyenv / "versions", uv):
        try:
            yield from sorted(version / "bin" for version in versions.iterdir())
        except OSError:
            continue


def programs_in(places: Iterable[Path]) -> Iterator[Path]:
    """Yield what is named python3.N in these folders, each file once."""
    seen: set[Path] = set()
    for place in places:
        try:
            programs = sorted(path for path in place.glob("python3.*") if re.fullmatch(r"python3\.\d+", path.name))
        except OSError:
            continue
        for program in programs:
            # pyenv's folder of shims holds one script under many names: which Python it starts depends on the name.
            if (key := program.resolve().parent / program.name) not in seen:
                seen.add(key)
                yield program


def python_of(program: Path) -> Python | None:
    """Ask a program for its release; None where it does not start, is no release, or belongs to an environment."""
    try:
        asked = subprocess.run([program, "-I", "-c", ASK], capture_output=True, check=False, timeout=60)
        (major, minor, micro), usable = json.loads(asked.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return Python(release=(major, minor, micro), program=program) if usable else None


def environment_of(python: Python) -> tuple[Path | None, str]:
    """Make or refresh the environment of a Python. Return its program, or None and why there is none."""
    place = ROOT / f".venv-{python.version}"
    uv = ROOT / ".venv/bin/uv"
    if not uv.exists():
        uv = Path("uv")
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    environment["UV_PROJECT_ENVIRONMENT"] = str(place)
    # Any newer Python may lack wheels of what is locked; nobody should wait for a compiler because of it.
    command = [uv, "sync", "--quiet", "--locked", "--no-dev", "--group", "test", "--python", python.program]
    try:
        made = subprocess.run(
            [*command, "--no-build", "--no-binary-package", "oomreport"],
            check=False, cwd=ROOT, env=environment, capture_output=True, text=True,
        )  # fmt: skip
    except OSError as error:
        return None, str(error)
    if made.returncode:
        lines = [line.strip() for line in made.stderr.splitlines() if line.strip()]
        return None, lines[0] if lines else f"uv sync ended with status {made.returncode}"
    return place / "bin/python", ""
