"""The command `oomreport watch`: the OOM kills of this machine, live."""

import argparse
import os
import select
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from oomreport.adapters.node.log_access import opened_source
from oomreport.adapters.node.proc_files import ProcFiles
from oomreport.cli.logs.explained import Explained, spec_of
from oomreport.cli.logs.json_text import json_text
from oomreport.cli.logs.judgement import Judge
from oomreport.cli.logs.shortage import shortage_of
from oomreport.cli.logs.text import style_for, told
from oomreport.cli.terminal import say
from oomreport.errors import OOMReportError
from oomreport.kernel.dump.assembler import Assembler

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from oomreport.adapters.node.log_source import LogSource
    from oomreport.incident.oom_record import Source
    from oomreport.kernel.record import Invocation

_FAILED = 1
# A dump's lines come within milliseconds; what follows its kill line (memory.oom.group) a little later.
_QUIET_AFTER_KILL = 0.05
_QUIET = 2.0


def run(arguments: argparse.Namespace) -> int:
    """Follow the kernel log until interrupted, or until nobody reads the output, and return the exit status."""
    try:
        source = opened_source(arguments.source, proc=ProcFiles(Path("/proc")))
    except OOMReportError as error:
        say(error)
        return _FAILED
    printer = _Printer(arguments, source.name)
    assembler = Assembler()
    output = _pipe_of(sys.stdout)
    try:
        _read_past(source, assembler, printer, keep=arguments.past)
        print(f"watching the kernel log ({source.name}), ends with Ctrl-C", file=sys.stderr, flush=True)
        quiet_since = time.monotonic()
        while not _has_hung_up(output):
            patience = _QUIET_AFTER_KILL if assembler.kill_seen else _QUIET
            if source.wait(patience if assembler.open else 3600.0, output):
                reading = source.read()
                printer.print(one for line in reading.lines for one in assembler.feed(line))
                quiet_since = time.monotonic()
            elif assembler.open and time.monotonic() - quiet_since >= patience:
                printer.print(assembler.flush())
    finally:
        source.close()
    sys.stderr.close()  # nobody reads the output any more
    return 0


def _read_past(source: "LogSource", assembler: Assembler, printer: "_Printer", *, keep: bool) -> None:
    """Read the log to its end; print the kills before the start only with `keep`."""
    drained = False
    while not drained and source.wait(0):
        reading = source.read()
        drained = reading.drained
        found = [one for line in reading.lines for one in assembler.feed(line)]
        printer.print(found if keep else ())
    found = assembler.flush()
    printer.print(found if keep else ())


def _pipe_of(stream: "TextIO") -> int | None:
    """Return the descriptor of the pipe that a stream writes to, None where it is no pipe."""
    try:
        descriptor = stream.fileno()
    except OSError:
        return None
    return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None


def _has_hung_up(pipe: int | None) -> bool:
    """Return whether nobody reads the pipe any more: poll(2) reports an error for its writing end."""
    if pipe is None:
        return False
    poll = select.poll()
    poll.register(pipe, 0)
    return bool(poll.poll(0))


class _Printer:
    """Prints records one by one, at once."""

    def __init__(self, arguments: argparse.Namespace, source: "Source") -> None:
        self._json = arguments.output == "json"
        self._style = style_for(sys.stdout, arguments.colour)
        self._source = source
        self._judge = Judge() if arguments.advice else None
        self._count = 0

    def print(self, found: "Iterable[Invocation]") -> None:
        for invocation in found:
            self._count += 1
            spec = spec_of(invocation, source=self._source)
            explained = Explained(
                invocation,
                spec,
                None,
                self._judge.judgement(spec, None, shortage_of(invocation)) if self._judge else None,
            )
            if self._json:
                sys.stdout.write(json_text(explained.as_json()).decode("ascii") + "\n")
            else:
                sys.stdout.write(told(explained, number=self._count, style=self._style) + "\n")
            sys.stdout.flush()
