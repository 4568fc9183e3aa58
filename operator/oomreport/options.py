"""Option groups and checks that all processes share.

A check takes the option's name, its value as it was written, and a list of problems. It adds what is wrong to that
list. Its result counts only while the list is empty.
"""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option: the field that its value goes to, how it is read, its default, and its help.

    `parse` gets the flag, the text and the list of problems. `help` says why the default is what it is, where that is
    not plain. `default_words` name a default that is no text of its own. A `variable` of the environment comes before
    the default.
    """

    field: str
    flag: str
    metavar: str
    parse: Callable[[str, str, list[str]], Any]
    help: str
    default: str = ""
    default_words: str = ""
    variable: str = ""


def add_options(
    parser: argparse.ArgumentParser, groups: Mapping[str, Sequence[Option]], environment: Mapping[str, str]
) -> None:
    """Add the options of a table to a parser; each help text names the variable and the default."""
    for title, options in groups.items():
        group = parser.add_argument_group(title)
        for one in options:
            variable = f" [{one.variable}]" if one.variable else ""
            words = f"{one.help}{variable} (default: {one.default_words or one.default or 'none'})"
            default = environment.get(one.variable) or one.default
            group.add_argument(
                one.flag, dest=one.field, metavar=one.metavar, default=default, help=words.replace("%", "%%")
            )


def values_of(
    parsed: argparse.Namespace, groups: Mapping[str, Sequence[Option]], problems: list[str]
) -> dict[str, Any]:
    """Return the values of a table's options by field; adds to `problems` what is wrong with them."""
    return {
        one.field: one.parse(one.flag, getattr(parsed, one.field), problems)
        for options in groups.values()
        for one in options
    }


def text(_option: str, value: str, _problems: list[str]) -> str:
    """Return a value as it was written."""
    return value


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
