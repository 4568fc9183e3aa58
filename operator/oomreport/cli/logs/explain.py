"""`oomreport explain`: the OOM kills of any kernel log."""

# ruff: noqa: PLC0415 - what only some runs need is imported by them, so that starting is quick
import argparse
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from oomreport.adapters.storage.line_numbers import LineNumbers
from oomreport.adapters.storage.log_file import STANDARD_INPUT, quick_search, searched_chunks_of
from oomreport.cli.logs.log_names import NameSearch
from oomreport.cli.logs.other_killers import OtherKillers
from oomreport.cli.logs.unread import FORMS, is_part, unread
from oomreport.cli.terminal import say
from oomreport.errors import LogUnreadable, OOMReportError
from oomreport.kernel.reading.scanner import Scanner
from oomreport.names import API_VERSION

if TYPE_CHECKING:
    from oomreport.cli.logs.explained import Explained, Where
    from oomreport.cli.logs.groups import Group
    from oomreport.cli.logs.judgement import Judge, Judgement
    from oomreport.cli.logs.pods import Named, PodIndex
    from oomreport.incident.oom_record import RecordSpec
    from oomreport.kernel.record import Invocation

    _Found = tuple[Invocation, RecordSpec, Where]

_UNREADABLE = 2
_FAILED = 1
# A record has some 50 kB, and a pass over the log names the pods of all that wait.
_MOST_WAITING = 100
_KEPT_BYTES = 16 << 20


class _TakesBytes(Protocol):
    def feed(self, chunk: bytes, /) -> object: ...


def run(arguments: argparse.Namespace) -> int:
    """Explain the logs and return the exit status; a log that cannot be read does not keep the others from it."""
    gc.freeze()
    # The C library would give the memory of each chunk back to the kernel, which clears it again for the next chunk. A
    # large block that is freed makes it keep so much. This one is never written.
    bytes(_KEPT_BYTES)
    try:
        pods = _pods(arguments)
        advice = _Advice(wanted=arguments.advice)
        with ExitStack() as stack:
            output = _output(arguments, stack)
            status = 0
            for path in arguments.files:
                status = max(status, _explain(path, pods, advice, output, several=len(arguments.files) > 1))
            output.whole = status == 0
    except OOMReportError as error:
        say(error)
        return _UNREADABLE if isinstance(error, LogUnreadable) else _FAILED
    return status


def invocations_in(path: str, scanner: Scanner | None = None, *readers: "_TakesBytes") -> Iterator["Invocation"]:
    """Yield the invocations of the OOM killer in a log, as they are found. Others may read its bytes along.

    Raises LogUnreadable after what could be read.
    """
    scanner = scanner or Scanner()
    cut: LogUnreadable | None = None
    try:
        for chunk, hits in searched_chunks_of(path, quick_search()):
            for reader in readers:
                reader.feed(chunk)
            yield from scanner.feed(chunk, hits)
    except LogUnreadable as error:
        cut = error
    yield from scanner.flush()
    if cut is not None:
        raise cut


def _explain(path: str, pods: "PodIndex | None", advice: "_Advice", output: "_Output", *, several: bool) -> int:
    is_kept = not os.path.isfile(path)  # noqa: PTH113 - pathlib takes longer to import than a log to read
    scanner, others, numbers, search = Scanner(), OtherKillers(), LineNumbers(path), NameSearch(path, is_kept=is_kept)
    # A record waits for lines behind it that name its pod, but not where somebody may read along.
    most = 1 if is_kept and output.streams else _MOST_WAITING
    waiting: list[_Found] = []
    is_found = False
    status = 0
    try:
        for invocation in invocations_in(path, scanner, others, numbers, search):
            # Most logs hold none: what makes records of them is loaded with the first one.
            from oomreport.cli.logs.explained import Where, spec_of

            is_found = True
            place = invocation.place or 0
            where = Where(file=path, line=numbers.number(place), byte=place, several=several)
            waiting.append((invocation, spec_of(invocation), where))
            if len(waiting) >= most:
                _add_named(waiting, pods, search, advice, output)
                waiting.clear()
    except LogUnreadable as error:
        say(error)
        status = _UNREADABLE
    _add_named(waiting, pods, search, advice, output)
    if status:
        return status
    if scanner.seen and not is_found:
        output.add_unread("standard input" if path == STANDARD_INPUT else path, scanner.seen)
    if not is_found:
        output.add_others(others.sentences(part_told=is_part(scanner.seen)))
    return 0


def _add_named(
    found: list["_Found"], pods: "PodIndex | None", search: NameSearch, advice: "_Advice", output: "_Output"
) -> None:
    """Name the pods of some records, and give them to the output."""
    if not found:
        return
    from oomreport.cli.logs.explained import Explained
    from oomreport.cli.logs.pods import NO_NAME, named_by_log

    names = search.names(spec for _, spec, _ in found) if pods is None else None
    for invocation, found_spec, where in found:
        spec, named, alike = found_spec, None, NO_NAME
        if pods is not None:
            named = pods.named(spec)
        elif names is not None:
            named, alike = named_by_log(spec, names)
        if named is not None:
            spec = named.of(spec)
        output.add(Explained(invocation, spec, named, advice.of(invocation, spec, named), where, alike))


def _pods(arguments: argparse.Namespace) -> "PodIndex | None":
    if arguments.pods is None and arguments.context is None:
        return None
    from oomreport.cli.logs.pods import pods_of_cluster, pods_of_file

    return pods_of_file(arguments.pods) if arguments.pods is not None else pods_of_cluster(arguments.context)


class _Advice:
    """What judges records, loaded with the first one: most logs hold none."""

    def __init__(self, *, wanted: bool) -> None:
        self.wanted = wanted
        self._judge: Judge | None = None

    def of(self, invocation: "Invocation", spec: "RecordSpec", named: "Named | None") -> "Judgement | None":
        if not self.wanted:
            return None
        if self._judge is None:
            from oomreport.cli.logs.judgement import Judge

            self._judge = Judge()
        from oomreport.cli.logs.shortage import shortage_of

        return self._judge.judgement(spec, named, shortage_of(invocation))


class _Output:
    """Where the records go, one by one, so that a log of any size takes no more memory than some records.

    `whole` says whether all logs could be read to their ends, `streams` whether somebody may read along.
    """

    whole = False
    streams = False

    def add(self, explained: "Explained") -> None:
        """Take one record."""

    def add_unread(self, name: str, line: bytes) -> None:
        """Take a line of a log without any record: it holds a phrase of an OOM, but not in a form that is read."""
        say(unread(name, line))

    def add_others(self, sentences: list[str]) -> None:
        """Take what a log without any record tells of other killers and witnesses."""

    def close(self) -> None:
        """End the output."""


def _output(arguments: argparse.Namespace, stack: ExitStack) -> _Output:
    kinds = {"json": _Json, "yaml": _Yaml}
    knows_pods = arguments.pods is not None or arguments.context is not None
    main: _Output = (
        kinds[arguments.output]() if arguments.output in kinds else _Text(arguments.colour, knows_pods=knows_pods)
    )
    if not arguments.html:
        stack.callback(main.close)
        return main
    both = _Both(main, _Page(arguments.html, knows_pods=knows_pods))
    stack.callback(both.close)
    return both


class _Items(_Output):
    """A list of items, each printed as it comes, and notes of logs without any."""

    streams = True

    def __init__(self) -> None:
        self._count = 0
        self._notes: list[str] = []

    def add_unread(self, name: str, line: bytes) -> None:
        super().add_unread(name, line)
        self._notes.append(unread(name, line))

    def add_others(self, sentences: list[str]) -> None:
        self._notes += [sentence for sentence in sentences if sentence not in self._notes]


class _Json(_Items):
    def __init__(self) -> None:
        super().__init__()
        # Past the layer of text, which would look at each character again.
        sys.stdout.flush()
        self._file = sys.stdout.buffer
        self._file.write(f'{{"apiVersion": "{API_VERSION}", "kind": "OOMRecordList", "items": ['.encode())

    def add(self, explained: "Explained") -> None:
        from oomreport.cli.logs.json_text import json_text

        self._file.write(b",\n" if self._count else b"\n")
        self._file.write(json_text(explained.as_json()))
        self._count += 1

    def close(self) -> None:
        from oomreport.cli.logs.json_text import json_text

        self._file.write(b"\n]" if self._count else b"]")
        self._file.write(b', "notes": ' + json_text(self._notes) if self._notes else b"")
        self._file.write(b"}\n")
        self._file.flush()


class _Yaml(_Items):
    def __init__(self) -> None:
        super().__init__()
        sys.stdout.write(f"apiVersion: {API_VERSION}\nkind: OOMRecordList\nitems:")

    def add(self, explained: "Explained") -> None:
        import json

        import yaml

        self._count += 1
        # By way of JSON: a plain value of each enumeration.
        item = [json.loads(json.dumps(explained.as_json()))]
        sys.stdout.write("\n" + yaml.safe_dump(item, sort_keys=False, width=120).rstrip("\n"))

    def close(self) -> None:
        import yaml

        sys.stdout.write("\n" if self._count else " []\n")
        if self._notes:
            sys.stdout.write(yaml.safe_dump({"notes": self._notes}, width=120))


class _Text(_Output):
    def __init__(self, colour: str, *, knows_pods: bool) -> None:
        from oomreport.cli.logs.groups import Groups
        from oomreport.cli.logs.text import Style, style_for

        self._groups = Groups()
        self._style: Style = style_for(sys.stdout, colour)
        self._knows_pods = knows_pods
        self._count = 0
        self._unread: list[str] = []
        self._others: list[str] = []
        self._wants_pods = False

    def add(self, explained: "Explained") -> None:
        from oomreport.cli.logs.story import wants_pods

        self._wants_pods = self._wants_pods or wants_pods(explained)
        if (group := self._groups.add(explained)) is not None:
            self._tell(group)

    def _tell(self, group: "Group") -> None:
        from oomreport.cli.logs.text import group_told

        if self._count:
            sys.stdout.write("\n")
        self._count += 1
        sys.stdout.write(group_told(group, number=self._count, style=self._style))

    def add_unread(self, name: str, line: bytes) -> None:
        self._unread.append(unread(name, line))

    def add_others(self, sentences: list[str]) -> None:
        self._others += [sentence for sentence in sentences if sentence not in self._others]

    def close(self) -> None:
        for group in self._groups:
            self._tell(group)
        if self._unread:
            sys.stdout.write("\n" if self._count else "")
            sys.stdout.write("\n".join([*self._unread, *self._others, FORMS, ""]))
        elif not self._count and self.whole:
            sys.stdout.write("\n".join(["No OOM kill by the kernel found.", *self._others, ""]))
        if self._wants_pods and not self._knows_pods:
            from oomreport.cli.logs.story import PODS_HINT

            sys.stdout.write(f"\n{PODS_HINT}\n")


class _Page(_Output):
    def __init__(self, path: str, *, knows_pods: bool) -> None:
        self._path = path
        self._knows_pods = knows_pods
        self._explained: list[Explained] = []
        self._others: list[str] = []
        self._unread: list[str] = []

    def add(self, explained: "Explained") -> None:
        self._explained.append(explained)

    def add_others(self, sentences: list[str]) -> None:
        self._others += [sentence for sentence in sentences if sentence not in self._others]

    def add_unread(self, name: str, line: bytes) -> None:
        self._unread = [*self._unread[:-1], unread(name, line), FORMS]

    def close(self) -> None:
        from pathlib import Path

        from oomreport.cli.logs.page import page

        try:
            Path(self._path).write_text(
                page(self._explained, knows_pods=self._knows_pods, unread=self._unread, others=self._others),
                encoding="utf-8",
            )
        except OSError as error:
            raise LogUnreadable(f"{self._path}: cannot be written: {error.strerror}") from error


class _Both(_Output):
    def __init__(self, *outputs: _Output) -> None:
        self._outputs = outputs
        self.streams = any(output.streams for output in outputs)

    def add(self, explained: "Explained") -> None:
        for output in self._outputs:
            output.add(explained)

    def add_unread(self, name: str, line: bytes) -> None:
        for output in self._outputs:
            output.add_unread(name, line)

    def add_others(self, sentences: list[str]) -> None:
        for output in self._outputs:
            output.add_others(sentences)

    def close(self) -> None:
        for output in self._outputs:
            output.whole = self.whole
            output.close()
