"""Option groups and checks that all processes share.

A check takes the option's name, its value as it was written, and a list of problems. It adds what is wrong to that
list. Its result counts only while the list is empty.
"""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LOG_LEVELS = ("debug", "info", "warning", "error")


def new_group(parser: argparse.ArgumentParser, title: str) -> Callable[..., argparse.Action]:
    """Return a function that adds options to a new group of the help."""
    return parser.add_argument_group(title).add_argument


def default_by(environment: Mapping[str, str]) -> Callable[..., str]:
    """Return a function that gives the default of an option.

    That is a variable of the environment, else the given value, else an empty text.
    """

    def default(variable: str, otherwise: str = "") -> str:
        return environment.get(variable) or otherwise

    return default


def one_of(option: str, value: str, choices: Sequence[str], problems: list[str]) -> str:
    """Return the value, which must be one of some words."""
    if value not in choices:
        problems.append(f"{option}: {value!r} is none of {', '.join(choices)}")
    return value


def host_and_port(option: str, value: str, problems: list[str]) -> tuple[str, int] | None:
    """Return an address to listen on, with an empty host for all; None where there is to be none."""
    if value in ("", "none"):
        return None
    host, colon, port = value.rpartition(":")
    bare = ":" in host and not host.startswith("[")
    if not colon or bare or not re.fullmatch(r"\d{1,5}", port, re.ASCII) or int(port) > 65535:
        problems.append(f"{option}: {value!r} is not HOST:PORT")
        return None
    return (host.strip("[]"), int(port))


def readable_file(option: str, value: str, problems: list[str]) -> Path | None:
    """Return a file that can be read now; None where none is named."""
    if not value:
        return None
    try:
        with Path(value).open("rb"):
            pass
    except OSError as error:
        problems.append(f"{option}: {value!r} cannot be read: {error.strerror}")
    return Path(value)
