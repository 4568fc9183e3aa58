"""Fuzzing of what reads the words of others for time and memory: kernel text, YAML, CEL, quantities, owner references.

    python tests/fuzz/fuzz_bounds.py --inputs 1000000 --seed 1

Inputs are made of pieces: those that were once quadratic or worse (repeated, nested, cut, without an end), lines of the
golden records, and random bytes. Each input goes one way in. It fails where an input takes more than a second of
processor time, or the process grows by more than 64 MiB, and prints the input's seed, by which it is made again
(`--only SEED`).
"""

import argparse
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "operator")]

from oomreport.adapters.cel import Filter, FilterInvalid  # noqa: E402
from oomreport.errors import OOMReportError  # noqa: E402
from oomreport.gitops.yaml_text import read_yaml  # noqa: E402
from oomreport.kernel.kmsg import has_stamps, line_of_syslog  # noqa: E402
from oomreport.kernel.reading.reader import invocations_of_records, invocations_of_text  # noqa: E402
from oomreport.kernel.reading.scanner import Scanner  # noqa: E402
from oomreport.kernel.record_bounds import RecordBounds  # noqa: E402
from oomreport.workload.container import subject_of, subjects_along  # noqa: E402
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
    list(invocations_of_text(text.encode("utf-8", "replace").split(b"\n")))


def by_records(text: str) -> None:
    list(invocations_of_records(text.encode("utf-8", "replace").split(b"\n")))


def by_search(text: str) -> None:
    scanner = Scanner()
    list(scanner.feed(text.encode("utf-8", "replace")))
    scanner.flush()


def by_ring(text: str) -> None:
    data, bounds = text.encode("utf-8", "replace"), RecordBounds()
    stamped = has_stamps(data[:2048])
    for raw in data.split(b"\n"):
        if (line := line_of_syslog(raw, stamped=stamped)) is not None:
            bounds.marked(line)


def by_yaml(text: str) -> None:
    read_yaml(text)


def by_filter(text: str) -> None:
    try:
        Filter(text[:4096])
    except FilterInvalid:
        return


def by_pod(text: str) -> None:
    subject_of(text[:4096])
    subjects_along(text[:4096])
    try:
        parse_quantity(text)
    except ValueError:
        return
    owner = {"apiVersion": text, "kind": text, "name": text, "uid": text, "controller": True}
    pod_facts({"metadata": {"name": text, "namespace": text, "uid": text, "ownerReferences": [owner]}})


WAYS: tuple[Callable[[str], None], ...] = (
    by_text, by_text, by_text, by_records, by_search, by_ring, by_ring, by_yaml, by_filter, by_pod,
)  # fmt: skip


def run(seed: int, lines: list[str]) -> tuple[float, str, int]:
    """Read one input; return how long it took, by which way, and its size."""
    chance = random.Random(seed)
    way = WAYS[seed % len(WAYS)]
    # Most inputs are small, so that there are many; some are as large as a page of a log.
    most = chance.choice((64, 256, 1024, 1024, 4096, 16384)) if chance.random() < 0.998 else 262_144
    text = text_of(chance, lines, most)
    begun = time.process_time()
    try:
        way(text)
    except (OOMReportError, RecursionError) as error:
        if isinstance(error, RecursionError):
            raise
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
        run(warm, lines)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seeds = (
        [options.only]
        if options.only is not None
        else range(options.seed * 10_000_000, options.seed * 10_000_000 + options.inputs)
    )
    worst = (0.0, "", 0, 0)
    failed = 0
    for number, seed in enumerate(seeds):
        if number % 10_000 == 0:
            print(f"{number} inputs read, the longest took {worst[0]:.3f} s", file=sys.stderr, flush=True)
        taken, way, size = run(seed, lines)
        worst = max(worst, (taken, way, size, seed))
        if taken > MOST_SECONDS:
            failed += 1
            print(f"{taken:.2f} s by {way} for {size} characters: --only {seed}", flush=True)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - base
        if grown > MOST_BYTES:
            print(f"grew by {grown >> 20} MiB by {way} for {size} characters: --only {seed}", flush=True)
            return 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - base
    print(
        f"{len(seeds)} inputs, {failed} above {MOST_SECONDS:g} s; the longest {worst[0]:.3f} s by {worst[1]} ({worst[2]} characters, --only {worst[3]}); memory grew by {grown >> 20} MiB"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
