"""A line of a dump with its kind and value."""

from typing import NamedTuple

from oomreport.kernel.line import Line
from oomreport.kernel.record import Trigger
from oomreport.kernel.text.killed import Chosen, Killed, NoVictim, Reaped, chosen_of, killed_of, no_victim_of, reaped_of
from oomreport.kernel.text.kind import Kind
from oomreport.kernel.text.memcg import CgroupCounter, Stats, line_stats, stats_of, usage_of
from oomreport.kernel.text.summary import Cpuset, SummaryLine, TaskIn, cpuset_of, summary_line_of, task_in
from oomreport.kernel.text.table import Columns, CutRow, Row, columns_of
from oomreport.kernel.text.trigger import Cpu, cpu_of, trigger_of

Value = (
    Trigger | Cpuset | Cpu | TaskIn | CgroupCounter | Stats | dict[str, int] | Columns | Row | CutRow | SummaryLine | Chosen
    | Killed | NoVictim | Reaped | None
)  # fmt: skip
_PARSERS = {
    Kind.HEADER: trigger_of,
    Kind.CPUSET: cpuset_of,
    Kind.CPU: cpu_of,
    Kind.TASK_IN: task_in,
    Kind.USAGE: usage_of,
    Kind.STATS: stats_of,
    Kind.STAT: line_stats,
    Kind.TABLE_HEAD: columns_of,
    Kind.SUMMARY: summary_line_of,
    Kind.CHOSEN: chosen_of,
    Kind.KILLED: killed_of,
    Kind.NO_VICTIM: no_victim_of,
    Kind.REAPED: reaped_of,
}


class Entry(NamedTuple):
    """A line of a dump. `value` is None where the kind holds none, the line is cut, or the row's table is unknown.

    Each line is parsed once, when it comes; a row when the dump takes it in, since the head of its table names the
    columns.
    """

    kind: Kind
    line: Line
    value: Value = None


def entry_of(kind: Kind, line: Line) -> Entry:
    """Return a line that is of `kind`, with its value."""
    parser = _PARSERS.get(kind)
    return Entry(kind, line, None if parser is None else parser(line.text))
