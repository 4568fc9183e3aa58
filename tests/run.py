"""Run every test that can run on this machine, and name at the end what could not, and why.

    unit          the pure core, golden records, laws                    needs nothing
    node          the agent on this machine's kernel, real kills         needs Linux, root, memory cgroups
    integration   CRDs, policies, rights and controller                  needs a real API server (tests/cluster)
    e2e           the product on a real node                             needs a real cluster (tests/cluster)

    tests/run.py [PART...] [--keep] [-- PYTEST ARGUMENTS]

--keep leaves the clusters up for the next run. Exit status 1 when a test failed or a part could not be started although
the machine has all it needs; a part whose needs are not met is named, not failed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
PYTEST = [str(ROOT / ".venv/bin/python"), "-m", "pytest", "-q"]
CLUSTER = [sys.executable, str(ROOT / "tests/cluster/cluster")]
CANNOT_RUN_HERE = 3
# Parts with real kernels and clusters: what failed is tried a second time, and the summary says so.
REAL = ("node", "integration", "e2e")
NO_TESTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A group of tests with the cluster it needs: none, the API server alone, or a whole node."""

    name: str
    paths: tuple[str, ...]
    cluster: str | None = None
    up: tuple[tuple[str, ...], ...] = ()


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of a part: counts, seconds, why tests were skipped, why the part was not run."""

    part: Part
    passed: int = 0
    failed: int = 0
    second_try: int = 0
    skipped: list[str] = field(default_factory=list)
    seconds: float = 0
    set_up_seconds: float = 0
    not_run: str | None = None


PARTS = (
    Part(name="unit", paths=("tests/unit", "tests/property", "tests/records")),
    Part(name="node", paths=("tests/node",)),
    Part(name="integration", paths=("tests/integration",), cluster="test-api", up=(("up", "--api-only"),)),
    Part(name="e2e", paths=("tests/e2e",), cluster="test", up=(("up",), ("deploy",))),
)


def main(argv: Sequence[str]) -> int:
    """Run the parts in order and print the summary; return the exit status."""
    own, extra = (
        (list(argv[: argv.index("--")]), list(argv[argv.index("--") + 1 :])) if "--" in argv else (list(argv), [])
    )
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[[], *(part.name for part in PARTS)], help="all when none is named")
    parser.add_argument("--keep", action="store_true", help="leave the clusters up")
    options = parser.parse_args(own)
    outcomes = [run_part(part, extra) for part in PARTS if not options.part or part.name in options.part]
    if not options.keep:
        for name in sorted({part.cluster for part in PARTS if part.cluster}):
            subprocess.run([*CLUSTER, "--name", name, "down"], check=False, stdout=subprocess.DEVNULL)
    return print_summary(outcomes)


def run_part(part: Part, extra: Sequence[str]) -> Outcome:
    """Bring up what the part needs and run its tests."""
    outcome = Outcome(part=part)
    paths = [path for path in part.paths if (ROOT / path).is_dir()]
    started = time.monotonic()
    for verb in part.up:
        print(f"\n== {part.name}: cluster {' '.join(verb)}", flush=True)
        status = subprocess.run([*CLUSTER, "--name", str(part.cluster), *verb], check=False).returncode
        if status:
            kind = "this machine lacks what it needs (see above)" if status == CANNOT_RUN_HERE else f"status {status}"
            outcome.not_run = f"`tests/cluster/cluster {' '.join(verb)}`: {kind}"
            outcome.failed += status != CANNOT_RUN_HERE
            return outcome
    outcome.set_up_seconds = time.monotonic() - started
    print(f"\n== {part.name}: pytest {' '.join(paths)}", flush=True)
    status = run_pytest(outcome, [*paths, *extra])
    if outcome.failed and part.name in REAL:
        # The kernel's ring, its rate limit and both processors are shared with whatever else runs on the machine.
        print(f"\n== {part.name}: what failed, once more", flush=True)
        again = Outcome(part=part)
        status = run_pytest(again, ["--last-failed", *paths, *extra])
        outcome.second_try, outcome.failed = again.passed, again.failed
        outcome.passed += again.passed
    if status not in (0, 1, NO_TESTS) or (status == 1 and not outcome.failed):
        outcome.failed += 1
        outcome.not_run = f"pytest ended with status {status}"
    outcome.seconds = time.monotonic() - started - outcome.set_up_seconds
    return outcome


def run_pytest(outcome: Outcome, arguments: Sequence[str]) -> int:
    """Run pytest where the part runs, add its figures to the outcome, and return its status."""
    name = outcome.part.cluster
    inside = [*CLUSTER, "--name", name, "exec", "--"] if name else []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [*inside, *PYTEST, f"--junitxml={report}", *arguments]
        status = subprocess.run(command, check=False, cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"}).returncode
        read_report(report, outcome)
    return status


def read_report(report: Path, outcome: Outcome) -> None:
    """Add the figures of a JUnit report to the outcome."""
    if not report.exists():
        return
    for case in ET.parse(report).getroot().iter("testcase"):
        skipped = case.find("skipped")
        if skipped is not None:
            outcome.skipped.append(f"{case.get('classname')}.{case.get('name')}: {skipped.get('message')}")
        elif case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        else:
            outcome.passed += 1


def print_summary(outcomes: Sequence[Outcome]) -> int:
    """Print figures a part, then what could not run and why, then one closing line."""
    print("\n== summary\npart          passed  failed  skipped   tests    set-up")
    for outcome in outcomes:
        print(
            f"{outcome.part.name:12} {outcome.passed:7} {outcome.failed:7} {len(outcome.skipped):8} "
            f"{outcome.seconds:6.0f} s {outcome.set_up_seconds:7.0f} s"
        )
    for outcome in outcomes:
        if outcome.second_try:
            print(f"\n{outcome.part.name}: {outcome.second_try} passed at the second try only")
    missing = [f"{o.part.name}: {o.not_run}" for o in outcomes if o.not_run]
    missing += [f"{o.part.name}: {reason}" for o in outcomes for reason in o.skipped]
    print("\nCould not run here:" if missing else "\nEverything could run here.")
    for line in missing:
        print(f"  {line}")
    passed, failed = sum(o.passed for o in outcomes), sum(o.failed for o in outcomes)
    print(f"\n{passed} passed, {failed} failed, {sum(len(o.skipped) for o in outcomes)} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
