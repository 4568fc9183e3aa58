"""What the command lines of the processes have in common: groups of options, and checks that gather every mistake.

A check takes the option's name, the value as it was written, and the list of problems to which it adds what is wrong; what
it returns counts only while there are none.
"""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LOG_LEVELS = ("debug", "info", "warning", "error")


def new_group(parser: argparse.ArgumentParser, title: str) -> Callable[..., argparse.Action]:
    """Return what adds options to a new group of the help."""
    return parser.add_argument_group(title).add_argument


def default_by(environment: Mapping[str, str]) -> Callable[..., str]:
    """Return what tells the default of an option: a variable of the environment, or else what is given; else empty."""

    def default(variable: str, otherwise: str = "") -> str:
        return environment.get(variable) or otherwise

    return default


def one_of(option: str, value: str, choices: Sequence[str], problems: list[str]) -> str:
    """Return a value that must be one of some words."""
    if value not in choices:
        problems.append(f"{option}: {value!r} is none of {', '.join(choices)}")
    return value


def host_and_port(option: str, value: str, problems: list[str]) -> tuple[str, int] | None:
    """Return an address to listen on, the host empty for all; None where it is to be none."""
    if value in ("", "none"):
        return None
    host, colon, port = value.rpartition(":")
    bare = ":" in host and not host.startswith("[")
    if not colon or bare or not re.fullmatch(r"\d{1,5}", port, re.ASCII) or int(port) > 65535:
        problems.append(f"{option}: {value!r} is not HOST:PORT")
        return None
    return (host.strip("[]"), int(port))


def readable_file(option: str, value: str, problems: list[str]) -> Path | None:
    """Return a file that can be read by now; None where none is named."""
    if not value:
        return None
    try:
        with Path(value).open("rb"):
            pass
    except OSError as error:
        problems.append(f"{option}: {value!r} cannot be read: {error.strerror}")
    return Path(value)
