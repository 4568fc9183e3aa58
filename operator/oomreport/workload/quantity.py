"""Kubernetes quantities of memory, read exactly and written as Kubernetes would.

The grammar (k8s.io/apimachinery/pkg/api/resource): a signed decimal number with one suffix of Ki Mi Gi Ti Pi Ei, of
n u m k M G T P E, or an exponent (12e6). Canonical form has no fraction and the largest suffix that allows that:
1024Mi is written 1Gi, 1536Mi stays. Where a whole number is needed, Kubernetes rounds up, and so does this module:
`100m` bytes of memory is a legal limit of one byte.
"""

import re
from fractions import Fraction
from math import ceil

KI, MI, GI = 1 << 10, 1 << 20, 1 << 30
_BINARY = {suffix: 1 << (10 * power) for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), start=1)}
_PARTS = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000)}
_WHOLE = {"": 1, **{suffix: 1000**power for power, suffix in enumerate("kMGTPE", start=1)}}
_GRAMMAR = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,3}))?", re.ASCII)


def parse_quantity(text: object) -> int | None:
    """Return a quantity as whole bytes, rounded up; None for what is no quantity.

    JSON may hold a bare number where YAML had no quotes. It is read by its shortest text, as the API server does.
    """
    match = _GRAMMAR.fullmatch(str(text))
    if match is None:
        return None
    sign, number, binary, decimal, exponent = match.groups()
    if number.isdigit() and not exponent and decimal not in _PARTS:
        whole = int(number) * (_BINARY[binary] if binary else _WHOLE[decimal or ""])
        return -whole if sign == "-" else whole
    value = Fraction(number if number[-1] != "." else number[:-1])
    if binary:
        value *= _BINARY[binary]
    elif exponent:
        value *= Fraction(10) ** int(exponent)
    else:
        value *= _PARTS[decimal] if decimal in _PARTS else _WHOLE[decimal or ""]
    return ceil(-value if sign == "-" else value)


def format_quantity(size: int) -> str:
    """Return bytes as a canonical quantity: `320Mi`, `1536Mi`, `1Gi`, or a plain number where none is exact."""
    for suffix, unit in reversed(_BINARY.items()):
        if size and size % unit == 0:
            return f"{size // unit}{suffix}"
    return str(size)
