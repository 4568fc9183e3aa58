"""Hook filters in the Common Expression Language.

A CEL program always ends, but loops in loops multiply. So the number and the depth of loops is bounded when a filter is
compiled, and the data is bounded too. An error says why a filter cannot be compiled or evaluated. What a filter may
take of time and memory is bounded where it runs (cel_worker.py).
"""

import re
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

from oomreport.errors import OOMReportError

# So many filters are remembered, each with a text of at most 2048 characters. A cluster has some tens of hooks.
MOST_FILTERS: Final = 500
_VARIABLE: Final = "event"
_MOST_CHARACTERS: Final = 2048
_MOST_LOOPS, _MOST_NESTED = 6, 2
_LOOP = re.compile(r"\.\s*(all|exists|exists_one|existsOne|map|filter|transformList|transformMap)\s*\($")
# A text with its escapes, or a comment, whichever begins first; raw texts end at the next quote.
_TEXT_OR_COMMENT = re.compile(
    r"(?i:br|rb|r)(?:\"\"\".*?\"\"\"|'''.*?'''|\"[^\"]*\"|'[^']*')"
    r"|\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|//[^\n]*",
    re.DOTALL,
)
_MOST_WORDS = 300


class FilterInvalid(OOMReportError, ValueError):  # noqa: N818 - a state of the hook, named as such
    """A filter cannot be compiled, or asks for too much; the message says why."""


class FilterFailed(OOMReportError, ValueError):  # noqa: N818 - an outcome
    """A filter could not be evaluated over an event; the message says why."""


class Filter:
    """A compiled filter over `event`. Raises FilterInvalid."""

    def __init__(self, text: str) -> None:
        # The package imports its own command line, with packages for terminals: 30 MB of memory, a quarter of the
        # controller's start. An empty module takes its place; the image has none of those packages.
        sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))
        import cel  # noqa: PLC0415

        _check_cost(text)
        try:
            self._program = cel.compile(text)
            variables = self._program.variables()
        except BaseException as error:  # noqa: BLE001 - a panic of Rust is no Exception
            raise FilterInvalid(_first_line(_known(error))) from None
        if _VARIABLE not in variables:
            raise FilterInvalid(f"does not look at {_VARIABLE}")

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Return whether an event fits. Raises FilterFailed."""
        try:
            found = self._program.execute({_VARIABLE: dict(event)})
        except BaseException as error:  # noqa: BLE001 - a panic of Rust is no Exception
            raise FilterFailed(
                _first_line(_known(error), "no such key: " if isinstance(error, KeyError) else "")
            ) from None
        if not isinstance(found, bool):
            raise FilterFailed(f"gives no boolean, but a value of type {type(found).__name__}")
        return found


def _check_cost(text: str) -> None:
    if len(text) > _MOST_CHARACTERS:
        raise FilterInvalid(f"is longer than {_MOST_CHARACTERS} characters")
    code = _TEXT_OR_COMMENT.sub(lambda found: " " if found.group().startswith("/") else '""', text)
    open_: list[bool] = []
    loops = 0
    for at, char in enumerate(code):
        if char in "([{":
            is_loop = char == "(" and _LOOP.search(code[: at + 1]) is not None
            open_.append(is_loop)
            loops += is_loop
            if loops > _MOST_LOOPS or sum(open_) > _MOST_NESTED:
                raise FilterInvalid(f"has more than {_MOST_LOOPS} loops, or more than {_MOST_NESTED} in each other")
        elif char in ")]}" and open_:
            open_.pop()


def _known(error: BaseException) -> BaseException:
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        raise error
    return error


def _first_line(error: BaseException, begin: str = "") -> str:
    return (begin + str(error)).partition("\n")[0][:_MOST_WORDS] or type(error).__name__
