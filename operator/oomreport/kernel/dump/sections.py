"""The lines of a dump sorted by what they are, ready to be read."""

from collections.abc import Mapping
from typing import NamedTuple

from oomreport.kernel.line import Line
from oomreport.kernel.record import Stamp
from oomreport.kernel.text.kind import Kind

Texts = Mapping[Kind, list[str]]


class Parts(NamedTuple):
    """What the lines of a dump say, each kind in its order.

    `killed` is the stamp of the first kill line. `statistics` are the lines that name a cgroup, each with the lines of
    figures behind it; `tables` the heads, None where there was none, each with the rows below it. `log` is all text but
    the call trace.
    """

    first: Line
    last: Line
    killed: Stamp | None
    texts: Texts
    statistics: list[tuple[str, str]]
    tables: list[tuple[str | None, list[str]]]
    log: str
