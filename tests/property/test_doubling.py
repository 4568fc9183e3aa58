"""Whatever others wrote is read in time and memory that grow with its size, in each reader as a whole."""

import asyncio
import bz2
import contextlib
import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from oomreport.adapters.cel import Filter, FilterInvalid
from oomreport.adapters.cluster.watch_filter import EventFilter, FilteredWatch
from oomreport.adapters.node.syslog_source import SyslogSource
from oomreport.adapters.storage.log_file import searched_chunks_of
from oomreport.cli.documents import documents_in
from oomreport.cli.logs.pods import pods_of_file
from oomreport.cli.main import main
from oomreport.errors import OOMReportError
from oomreport.gitops.advice import reports_in
from oomreport.gitops.marker import markers_in
from oomreport.gitops.values import steps_of
from oomreport.gitops.yaml_text import read_yaml
from oomreport.hooks.job import JobHook, checked
from oomreport.kernel.kmsg import line_of_record
from oomreport.kernel.reading.phrases import PLAIN
from oomreport.kernel.reading.reader import invocations, invocations_of_text
from oomreport.kernel.reading.scanner import Scanner
from oomreport.workload.container import subject_of, subjects_along
from oomreport.workload.heap import heap_settings
from oomreport.workload.manager import manager_of
from oomreport.workload.pod import pod_facts
from oomreport.workload.quantity import parse_quantity
from property.doubling import LARGEST, THOROUGH, assert_linear_memory, assert_linear_time
from property.hostile_logs import KILL, LOGS, numbered, repeated

# PyYAML's own scanner is written in Python and takes some 20 microseconds for a byte: what is read with it (manifests,
# whose places are needed) is doubled not as often.
_LARGEST_MANIFEST = LARGEST // 4


@pytest.fixture
def explain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """`oomreport explain` as a whole, with text and page."""
    log, html = tmp_path / "log", tmp_path / "page.html"
    # What it allocates at its start whatever the log holds would hide the rest.
    monkeypatch.setattr("oomreport.cli.logs.explain._KEPT_BYTES", 0)

    def run(data: bytes) -> None:
        log.write_bytes(data)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            assert main(["explain", "--html", str(html), str(log)]) == 0

    return run


def every_line(log: bytes) -> None:
    """Read a log with each of its lines, as the reference of the search does."""
    list(invocations_of_text(log.split(b"\n")))


def ring(log: bytes) -> None:
    """Read the kernel's ring as the agent does."""
    source = SyslogSource(lambda: log, lambda: 0)
    read = []
    while not (reading := source.read()).drained:
        read += reading.lines
    list(invocations([*read, *reading.lines]))


def records(log: bytes) -> None:
    lines = map(line_of_record, log.split(b"\n"))
    list(invocations(line for line in lines if line is not None))


# A single line of each shape, and each form of a log, goes through `every_line`.
_EXPLAINED = [name for name in LOGS if THOROUGH or not name.startswith(("line: ", "framed: "))]


@pytest.mark.parametrize("name", _EXPLAINED)
def test_the_time_to_explain_a_log_grows_with_its_size(name: str, explain: Callable[[bytes], None]) -> None:
    assert_linear_time(explain, LOGS[name])


# A megabyte of a value is skipped; lines behind it are read as any other's, which takes longer for each byte. Of a line
# a megabyte is read: a document that is cut there is read in pieces, which takes a second, however long it is.
_LARGEST_OF = {"framed: an open value": min(LARGEST, 1 << 20), "a wide object": min(LARGEST, 1 << 19)}


@pytest.mark.parametrize("name", LOGS)
def test_the_time_to_read_every_line_of_a_log_grows_with_its_size(name: str) -> None:
    assert_linear_time(every_line, LOGS[name], largest=_LARGEST_OF.get(name))


@pytest.mark.parametrize("name", _EXPLAINED)
def test_the_memory_to_explain_a_log_grows_with_its_size(name: str, explain: Callable[[bytes], None]) -> None:
    assert_linear_memory(explain, LOGS[name])


@pytest.mark.parametrize("read", [ring, records])
@pytest.mark.parametrize(
    "name",
    [
        "kills",
        "dumps",
        "rows of a table",
        "stamps",
        "records",
        "records that go on",
        "properties of a record",
        "headers",
    ],
)
def test_the_time_of_the_agents_readers_grows_with_what_they_read(name: str, read: Callable[[bytes], None]) -> None:
    assert_linear_time(read, LOGS[name])
    assert_linear_memory(read, LOGS[name])


def _utf_16(log: bytes) -> bytes:
    return b"\xff\xfe" + log.decode().encode("utf-16-le")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress, _utf_16, bytes])
def test_the_time_to_unpack_a_log_grows_with_what_is_in_it(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    file = tmp_path / "log"

    def make(size: int) -> Path:
        file.write_bytes(pack(repeated("", "kernel: eth0: link is up\n")(size)))
        return file

    def read(path: Path) -> None:
        scanner = Scanner()
        for chunk, hits in searched_chunks_of(str(path), PLAIN):
            scanner.feed(chunk, hits)
        scanner.flush()

    assert_linear_time(read, make)
    assert_linear_memory(read, make)


_POD = '{"kind":"Pod","metadata":{"uid":"{n}","name":"web","namespace":"shop"},"spec":{"containers":[{"name":"api"}]}}'
DOCUMENTS: dict[str, Callable[[int], bytes]] = {
    "pods": numbered(_POD + ",", '{"kind":"List","items":[', _POD + "]}"),
    "pods in YAML": numbered("- " + _POD + "\n", "kind: List\nitems:\n"),
    "brackets": repeated("", "["),
    "brackets in a list": repeated("", "- ["),
    "open braces": repeated("", "{a: "),
    "keys": numbered("a{n}: 1\n"),
    "the same key": repeated("", "a: 1\n"),
    "levels": repeated("", "- "),
    "questions": repeated("", "? "),
    "anchors": numbered("- &a{n} x\n"),
    "aliases": repeated("- &a x\n", "- *a\n"),
    "documents": repeated("", "---\na: 1\n"),
    "documents and a template": repeated("a: {{ x }}\n", "---\na: 1\n"),
    "a long text": repeated('a: "', "x\\n", '"'),
    "an open text": repeated('a: "', "x "),
    "a plain text": repeated("a: x\n", "  y\n"),
    "comments": repeated("", "# x\n"),
    "tags": repeated("", "- !!str x\n"),
    "blanks": repeated("a:", " ", "x"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_time_to_read_pods_and_reports_grows_with_their_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "pods"

    def make(size: int) -> Path:
        file.write_bytes(DOCUMENTS[name](size))
        return file

    def read(path: Path) -> None:
        with contextlib.suppress(OOMReportError):
            pods_of_file(str(path))
        with contextlib.suppress(OOMReportError):
            reports_in(documents_in(path.read_text(), "reports"), "reports")

    assert_linear_time(read, make, largest=LARGEST // 2)


_MARK = '# {"$oomreport": "shop:Deployment/web:api:limit"}'
MANIFESTS = {
    **DOCUMENTS,
    "marks": repeated("", f"a: 1 {_MARK}\n"),
    "marks on a line": repeated("a: 1 # {", '"$oomreport"}'),
    "marks in a block": repeated("a: |\n", f"  a: 1 {_MARK}\n"),
    "blocks with a mark": repeated("", f"- |\n  a: 1 {_MARK}\n"),
    "documents with a mark and a template": repeated("a: {{ x }}\n", f"---\na: 1 {_MARK}\n"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_time_to_find_marks_grows_with_the_manifest(name: str) -> None:
    def read(text: str) -> None:
        for marker in markers_in("values.yaml", read_yaml(text)):
            assert marker.problem or marker.line

    assert_linear_time(read, lambda size: MANIFESTS[name](size).decode(), largest=_LARGEST_MANIFEST, reference=2 << 10)


@pytest.mark.parametrize("piece", ["(", '"""\\', "// ' \n", ".all(a, ", "event.a && ", "!", "'\\'", "a ? a : "])
def test_the_time_to_check_a_filter_is_bounded(piece: str) -> None:
    def read(text: str) -> None:
        with contextlib.suppress(FilterInvalid):
            Filter(text)

    assert_linear_time(read, lambda size: piece * (size // len(piece)))


WORDS: dict[str, Callable[[int], str]] = {
    "letters": lambda size: "a" * size,
    "digits": lambda size: "9" * size,
    "slashes": lambda size: "/kubepods/pod11111111-2222-3333-4444-555555555555" * (size // 49),
    "options": lambda size: "-Xmx1g " * (size // 7),
    "dots": lambda size: "a." * (size // 2),
    "steps": lambda size: "[a]" * (size // 3),
    "open steps": lambda size: "[" * size,
    "colons": lambda size: "a:b/c:" * (size // 6),
    "underscores": lambda size: "_" * size,
    "backslashes": lambda size: "\\" * size,
}


@pytest.mark.parametrize("name", WORDS)
def test_the_time_to_read_what_a_workload_says_of_itself_grows_with_it(name: str) -> None:
    def read(text: str) -> None:
        owner = {"apiVersion": text, "kind": text, "name": text, "uid": text, "controller": True}
        metadata = {"name": text, "labels": {text: text}, "annotations": {"argocd.argoproj.io/tracking-id": text}}
        container = {"name": text, "args": [text], "env": [{"name": "JAVA_OPTS", "value": text}]}
        pod_facts({"metadata": {**metadata, "ownerReferences": [owner]}, "spec": {"containers": [container]}})
        manager_of({"metadata": {**metadata, "ownerReferences": [owner]}}, text)
        heap_settings(container)
        subject_of(text)
        subjects_along(text)
        with contextlib.suppress(OOMReportError):
            steps_of(text, "annotation")
        with contextlib.suppress(ValueError):
            parse_quantity(text)

    assert_linear_time(read, WORDS[name])


def test_the_time_to_check_a_template_grows_with_it() -> None:
    def make(size: int) -> JobHook:
        containers = [{"name": "a", "env": [{"name": str(n), "value": "x"}]} for n in range(size // 60)]
        template = {"spec": {"template": {"spec": {"containers": containers}}}}
        return JobHook(namespace="shop", name="a", uid="1", template=template, service_account="a")

    assert_linear_time(checked, make)


class _Chunks:
    """The content of a response in chunks of 16 KiB, as aiohttp gives it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def iter_chunked(self, size: int):  # type: ignore[no-untyped-def]
        for at in range(0, len(self._data), 16 << 10):
            yield self._data[at : at + (16 << 10)]


@pytest.mark.parametrize(
    "shape", [repeated('{"type":"', "x"), repeated("", '{"type":"ADDED","object":{}}\n'), repeated("", "\n")]
)
def test_the_time_to_filter_a_watch_grows_with_what_comes(shape: Callable[[int], bytes]) -> None:
    kept = EventFilter.of_pods(lambda _: True)

    def read(data: bytes) -> None:
        async def whole() -> None:
            async for _ in FilteredWatch(_Chunks(data), kept.passes).iter_chunked(1 << 16):  # type: ignore[arg-type]
                pass

        asyncio.run(whole())

    assert_linear_time(read, shape)


def test_a_reader_that_is_quadratic_fails_the_law() -> None:
    def quadratic(log: bytes) -> None:
        for at in range(0, len(log), 16):
            log.count(b"\n", at)

    with pytest.raises(AssertionError, match="times as long each"):
        assert_linear_time(quadratic, repeated("", KILL), largest=1 << 20)


def test_a_reader_that_holds_all_pairs_fails_the_law() -> None:
    def quadratic(log: bytes) -> list[bytes]:
        return [log[:at] for at in range(0, len(log), 1024)]

    with pytest.raises(AssertionError, match="times the input"):
        assert_linear_memory(quadratic, repeated("", KILL))
