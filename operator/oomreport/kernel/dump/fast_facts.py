"""What a whole dump says, read from its parts at once: the usual case, with the same result as line by line.

Summary and kill line are read by patterns that leave nothing open. Where one does not fit, nothing is said here, and the
dump is read line by line.
"""

from collections.abc import Sequence

from oomreport.kernel import lazy_re as re
from oomreport.kernel.dump.dump import Dump
from oomreport.kernel.dump.facts import Said
from oomreport.kernel.dump.fast_path import Whole, lines_of, text_of
from oomreport.kernel.line import Line
from oomreport.kernel.record import Part
from oomreport.kernel.text.killed import plain_killed, reaped_pid
from oomreport.kernel.text.kind import Kind
from oomreport.kernel.text.memcg import memory_usage, plain_stats, plain_usages, stats_of
from oomreport.kernel.text.summary import plain_summary
from oomreport.kernel.text.table import Row, columns_of, plain_rows, rows_of
from oomreport.kernel.text.trigger import cpu_of, trigger_of


def said_at_once(dump: Dump) -> Said | None:
    """Return what a dump says that was read at once and that only lines of the reaper came behind; None for any other."""
    whole = dump.whole
    if whole is None:
        return None
    for kind, _ in dump.lines:
        if kind is not Kind.REAPED:
            return None
    return _said(whole, dump.last, [line.text for _, line in dump.lines])


def _said(whole: Whole, last: Line, late: Sequence[str]) -> Said | None:
    found = whole.found
    header, cpu, _, usage, stats, figures, info, _, head, run, summary_line, _, kill_line = found.groups()
    summary, killed = plain_summary(text_of(summary_line[:-1])), plain_killed(text_of(kill_line[:-1]))
    if summary is None or killed is None:
        return None
    if stats and (summary.oom_memcg is None or stats_of(text_of(stats[:-1]))[1]):
        return None
    is_memcg = summary.constraint == "CONSTRAINT_MEMCG" and not summary.global_oom
    figures = text_of(figures) if figures else ""
    pid, release = cpu_of(text_of(cpu)) if cpu else (None, None)
    return Said(
        first=whole.first,
        last=last,
        killed=whole.ended[0],
        trigger=trigger_of(text_of(header[:-1]), pid),
        release=release,
        memory=memory_usage(plain_usages(usage), plain_stats(figures)),
        summary=summary,
        is_global=not is_memcg,
        chosen=None,
        kills=(killed,),
        reaped=frozenset([pid for line in late if (pid := reaped_pid(line)) is not None]),
        no_victim=False,
        panicked=False,
        group_kill=False,
        has_table=head is not None,
        rows=tuple(_rows(run, head)) if run else (),
        mem_info=lines_of(info),
        missing=_missing(is_memcg=is_memcg, has_usage="memory:" in usage, has_rows=bool(run)),
        log="\n".join([_log(found, figures), *late]),
    )


def _rows(run: str, head: str) -> list[Row]:
    columns = columns_of(head)
    found = plain_rows(run, columns) if "\\" not in run else None
    return rows_of(lines_of(run), columns) if found is None else found


def _log(found: re.Match[str], figures: str) -> str:
    """Return the text without call trace; `figures` are those of the statistics."""
    text, trace_end = found.string, found.end("trace")
    until, behind = found.span("figures") if figures else (trace_end, trace_end)
    return text_of(text[: found.start("trace")] + text[trace_end:until]) + figures + text_of(text[behind:-1])


def _missing(*, is_memcg: bool, has_usage: bool, has_rows: bool) -> frozenset[Part]:
    missing = []
    if is_memcg and not has_usage:
        missing.append(Part.MEMORY_USAGE)
    if not has_rows:
        missing.append(Part.TASK_TABLE)
    return frozenset(missing)
