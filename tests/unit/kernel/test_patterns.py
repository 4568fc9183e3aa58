"""Rules that every regular expression of the package keeps."""

import io
import re
import tokenize
from pathlib import Path

import oomreport

_SOURCES = sorted(Path(oomreport.__file__).parent.rglob("*.py"))
_POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{\d*,?\d*\})\+|\(\?>")


def strings_of(source: str) -> list[str]:
    kinds = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    return [token.string for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type in kinds]


def test_no_pattern_has_a_possessive_quantifier_around_a_group() -> None:
    """CPython before 3.11.5 matches those wrongly (gh-106052), and Debian 12 ships 3.11.2."""
    found = [
        (path.name, text)
        for path in _SOURCES
        for text in strings_of(path.read_text())
        if _POSSESSIVE_GROUP.search(text)
    ]
    assert len(_SOURCES) > 100
    assert found == []


def test_the_rule_knows_what_it_looks_for() -> None:
    assert _POSSESSIVE_GROUP.search(r"(?:ab)*+c")
    assert _POSSESSIVE_GROUP.search(r"(?:ab){1,3}+")
    assert _POSSESSIVE_GROUP.search(r"(?>ab)")
    assert not _POSSESSIVE_GROUP.search(r"memory\)+ and (a)+ (b)?\+")
