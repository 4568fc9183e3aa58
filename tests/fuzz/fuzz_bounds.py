"""Fuzzing of what reads the words of others, for time and memory.

That is kernel text and pasted logs, compressed logs, pods and reports as JSON and YAML, marks in manifests, filters,
quantities, owner references.

    python tests/fuzz/fuzz_bounds.py --inputs 1000000 --seed 1

Inputs are made of pieces: those that were once quadratic or worse (repeated, nested, cut, without an end), lines of the
golden records, and random bytes. Each input goes one way in. It fails where an input takes more than a second of
processor time, or the process grows by more than 64 MiB, and prints the input's seed, by which it is made again
(`--only SEED`).
"""

import argparse
import bz2
import contextlib
import gzip
import io
import lzma
import random
import resource
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "operator")]

import zstandard  # noqa: E402

from oomreport.adapters.cel import Filter, FilterFailed, FilterInvalid  # noqa: E402
from oomreport.adapters.storage.log_file import searched_chunks_of  # noqa: E402
from oomreport.cli.logs import explain  # noqa: E402
from oomreport.cli.logs.pods import pods_of_file  # noqa: E402
from oomreport.cli.reports.report_source import documents_in  # noqa: E402
from oomreport.errors import OOMReportError  # noqa: E402
from oomreport.gitops.advice import reports_in  # noqa: E402
from oomreport.gitops.marker import markers_in  # noqa: E402
from oomreport.gitops.values import steps_of  # noqa: E402
from oomreport.gitops.yaml_text import read_yaml  # noqa: E402
from oomreport.kernel.kmsg import has_stamps, line_of_syslog  # noqa: E402
from oomreport.kernel.reading.phrases import PLAIN  # noqa: E402
from oomreport.kernel.reading.reader import invocations_of_records, invocations_of_text  # noqa: E402
from oomreport.kernel.reading.scanner import Scanner  # noqa: E402
from oomreport.kernel.record_bounds import RecordBounds  # noqa: E402
from oomreport.workload.container import subject_of, subjects_along  # noqa: E402
from oomreport.workload.manager import manager_of  # noqa: E402
from oomreport.workload.pod import pod_facts  # noqa: E402
from oomreport.workload.quantity import parse_quantity  # noqa: E402

MOST_SECONDS = 1.0
MOST_BYTES = 64 << 20
# What was found to be worse than linear, or to raise, once.
PIECES = (
    "oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/a,task_memcg=/a", ",task=", ",pid=1,uid=0", "a" * 64,
    " invoked oom-killer: gfp_mask=0x0, order=0", "x invoked oom-killer: ", "\\_", "Killed process ", "9" * 64,
    "Out of memory: Killed process ", "Memory cgroup out of memory: Killed process 1 (a) total-vm:1kB, anon-rss:1kB",
    "memory: usage ", "kB, limit ", "Memory cgroup stats for /", "[  pid  ]   uid  tgid total_vm ", "[1] 1 1 1 1 1 1 1 ",
    "Tasks in /", " are going to be killed due to memory.oom.group set", "anon 1\\n", '{"a":', "[", "]", "}", '"', "\\", "- ",
    "&a ", "*a ", "? ", ": ", "\n", "\r\n", "\t", " ", "<6>[    1.000000] ", "6,1,1,-;", "\\x0a", "=0A=", "<pre>", "kernel: ",
    "event.a.all(a, ", "// \"\n", "'''", ")", "!", "(", "/kubepods/pod", "11111111-2222-3333-4444-555555555555", "7a" * 32,
    "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[", "apiVersion: v1\nkind: Pod\nmetadata: {}\n", "<<: ", "---\n", "#",
    "# {\"$oomreport\": \"shop:Deployment/web:api:limit\"}", "memory: 1Mi", "__CURSOR=x\nMESSAGE=", "\"\"\"", "r'", ".matches('(",
    "E1130 10:00:00.000000 1 kubelet.go:1] ", "stdout F ", " pod=\"shop/web\" podUID=\"1\" containerName=\"api\"",
    "\u0130", "\u2025", "\x00", "\x1b[31m", "2026-11-30T10:00:00Z ", "Nov 30 10:00:00 node kernel: ",
)  # fmt: skip


def golden() -> list[str]:
    """Return lines of real logs."""
    found = []
    for log in sorted((ROOT / "tests" / "records").glob("*/log*"))[::7]:
        found += log.read_bytes().decode("utf-8", "replace").splitlines()[:40]
    return found


def text_of(chance: random.Random, lines: list[str], most: int) -> str:
    """Return an input of at most `most` characters."""
    parts: list[str] = []
    size = 0
    while size < most and chance.random() < 0.93:
        piece = chance.choice(PIECES) if chance.random() < 0.7 else chance.choice(lines)
        times = chance.choice((1, 1, 1, 2, 8, 64, 1000))
        parts.append(
            (piece + chance.choice(("", "", "\n", " "))) * max(1, min(times, (most - size) // (len(piece) + 1)))
        )
        size += len(parts[-1])
    return "".join(parts)[:most]


def by_text(text: str) -> None:
    list(invocations_of_text(_raw(text).split(b"\n")))


def by_records(text: str) -> None:
    list(invocations_of_records(_raw(text).split(b"\n")))


def by_explain(text: str) -> None:
    """As `oomreport explain` goes as a whole, to text and to a page."""
    _filed(_raw(text))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        explain.run(ARGUMENTS)


def by_ring(text: str) -> None:
    data, bounds = _raw(text), RecordBounds()
    stamped = has_stamps(data[:2048])
    for raw in data.split(b"\n"):
        if (line := line_of_syslog(raw, stamped=stamped)) is not None:
            bounds.marked(line)


def by_packed(text: str) -> None:
    """A log that is compressed, whole, cut or damaged."""
    raw = _raw(text)
    packed = bytearray(PACKERS[len(raw) % len(PACKERS)](raw))
    if len(raw) % 3 and packed:
        packed[len(raw) * 7919 % len(packed)] ^= 1 << len(raw) % 8
    scanner = Scanner()
    for chunk, hits in searched_chunks_of(_filed(bytes(packed[: len(packed) - len(raw) % 5])), PLAIN):
        scanner.feed(chunk, hits)
    scanner.flush()


def by_yaml(text: str) -> None:
    for marker in markers_in("values.yaml", read_yaml(text)):
        assert marker.problem is None or marker.words in text


def by_objects(text: str) -> None:
    """Pods and reports from a file; what is no document is made the text of one."""
    reports_in(documents_in(text, "reports"), "reports")
    owner = {"apiVersion": text, "kind": text, "name": text, "uid": text, "controller": True}
    metadata = {"name": text, "namespace": text, "uid": text, "labels": {text: text}, "annotations": {text: text}}
    limits = {"limits": {"memory": text[:64]}}
    spec = {"containers": [{"name": text, "resources": limits, "args": [text], "env": [{"name": text, "value": text}]}]}
    pod_facts({"metadata": {**metadata, "ownerReferences": [owner]}, "spec": spec})
    manager_of({"metadata": {**metadata, "ownerReferences": [owner]}}, text)


def by_pods(text: str) -> None:
    pods_of_file(_filed(_raw(text)))


def by_filter(text: str) -> None:
    try:
        Filter(text[:2048]).matches(
            {"kills": 3, "report": {"name": text[:64]}, "kill": {"tasks": [{"comm": "a"}] * 20}}
        )
    except (FilterInvalid, FilterFailed):
        return


def by_words(text: str) -> None:
    """Cgroup paths, quantities and paths of values."""
    subject_of(text[:4096])
    subjects_along(text[:4096])
    with contextlib.suppress(OOMReportError):
        steps_of(text, "annotation")
    with contextlib.suppress(ValueError):
        parse_quantity(text)


WAYS: tuple[Callable[[str], None], ...] = (
    by_text, by_text, by_text, by_records, by_explain, by_explain, by_ring, by_ring, by_packed, by_yaml, by_yaml,
    by_objects, by_pods, by_filter, by_words,
)  # fmt: skip
PACKERS: tuple[Callable[[bytes], bytes], ...] = (
    gzip.compress, bz2.compress, lzma.compress, zstandard.compress, lambda raw: b"\xff\xfe" + raw,
)  # fmt: skip
FILE = Path(tempfile.mkdtemp(prefix="oomreport-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)) / "input"
ARGUMENTS = argparse.Namespace(
    files=[str(FILE)], pods=None, context=None, advice=True, output="text", colour="never", html=f"{FILE}.html"
)
# What one run does for itself is too much for a million of them: it keeps what is there from being collected, and
# allocates a block.
explain.gc = types.SimpleNamespace(freeze=lambda: None)  # type: ignore[assignment]
explain._KEPT_BYTES = 0


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _filed(data: bytes) -> str:
    FILE.write_bytes(data)
    return str(FILE)


def run(seed: int, lines: list[str]) -> tuple[float, str, int]:
    """Read one input; return how long it took, by which way, and its size."""
    chance = random.Random(seed)
    way = WAYS[seed % len(WAYS)]
    # Most inputs are small, so that there are many; the laws of tests/property go up to 4 MB.
    most = chance.choice((64, 128, 256, 512, 1024, 1024)) if chance.random() < 0.98 else chance.choice((4096, 32768))
    text = text_of(chance, lines, most)
    begun = time.process_time()
    # Such an error is the answer that says what is wrong with the input; any other is a fault of ours.
    with contextlib.suppress(OOMReportError):
        way(text)
    return time.process_time() - begun, way.__name__, len(text)


def main() -> int:
    """Run the inputs; return 1 where one was over a bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="run the input of this seed alone")
    options = parser.parse_args()
    lines = golden()
    for warm in range(200):
        with contextlib.suppress(Exception):
            run(warm, lines)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seeds = (
        [options.only]
        if options.only is not None
        else range(options.seed * 10_000_000, options.seed * 10_000_000 + options.inputs)
    )
    worst = (0.0, "", 0, 0)
    slow = broken = 0
    for number, seed in enumerate(seeds):
        if number % 10_000 == 0:
            print(f"{number} inputs read, the longest took {worst[0]:.3f} s", file=sys.stderr, flush=True)
        try:
            taken, way, size = run(seed, lines)
        except Exception as error:
            broken += 1
            print(f"{type(error).__name__}: {str(error)[:200]}: --only {seed}", flush=True)
            if options.only is not None:
                raise
            continue
        worst = max(worst, (taken, way, size, seed))
        if taken > MOST_SECONDS:
            slow += 1
            print(f"{taken:.2f} s by {way} for {size} characters: --only {seed}", flush=True)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - base
        if grown > MOST_BYTES:
            print(f"grew by {grown >> 20} MiB by {way} for {size} characters: --only {seed}", flush=True)
            return 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - base
    print(
        f"{len(seeds)} inputs, {slow} above {MOST_SECONDS:g} s, {broken} with an unexpected error; the longest {worst[0]:.3f} s by {worst[1]} ({worst[2]} characters, --only {worst[3]}); memory grew by {grown >> 20} MiB"
    )
    return 1 if slow or broken else 0


if __name__ == "__main__":
    sys.exit(main())
