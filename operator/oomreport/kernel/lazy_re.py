"""Regular expressions that are compiled at their first use.

Records can be written in so many ways that there are more than a hundred patterns, and compiling one takes as long as
reading a dump. A run needs a few of them.
"""

from re import DOTALL, IGNORECASE, MULTILINE, NOFLAG, Match, Pattern, RegexFlag, escape, findall, match, search, sub
from re import compile as compiled
from typing import Any, AnyStr, cast

__all__ = [
    "DOTALL", "IGNORECASE", "MULTILINE", "Match", "Pattern", "compile", "escape", "findall", "match", "search", "sub",
]  # fmt: skip
_METHODS = ("findall", "finditer", "fullmatch", "match", "search", "split", "sub")


def compile(pattern: AnyStr, flags: RegexFlag = NOFLAG) -> Pattern[AnyStr]:  # noqa: A001 - named as in `re`
    """Return a pattern with the methods of `re.Pattern`. What is wrong with it shows when it is first used."""
    return cast("Pattern[AnyStr]", _Uncompiled(pattern, flags))


class _Uncompiled:
    """A pattern whose slots for methods are empty until the first is asked for; then they are as quick as its own."""

    __slots__ = ("_flags", "_pattern", *_METHODS)

    def __init__(self, pattern: str | bytes, flags: RegexFlag) -> None:
        self._pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        whole: Pattern[Any] = compiled(self._pattern, self._flags)
        for method in _METHODS:
            setattr(self, method, getattr(whole, method))
        return getattr(whole, name)
