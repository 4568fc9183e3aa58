"""Run every test that can run on this machine, and name at the end what could not, and why.

    unit          the pure core, golden records, laws                    needs nothing
    unit-3.N.M    unit tests and golden records, without the laws of     a further Python >= 3.11 on this machine
                  tests/property, under each other Python
    node          the agent on this machine's kernel, real kills         needs Linux, root, memory cgroups
    integration   CRDs, policies, rights, manifests, checkouts           needs a real API server (tests/cluster)
    controller    the controller and its hooks                           the same
    chart         chart, alerts and dashboard, by Helm and promtool      the same
    pages         the HTML pages, light and dark, narrow and wide        needs Chromium (Debian's package)
    e2e           the product on a real node                             needs a real cluster (tests/cluster)
    e2e-v2        the same on a guest with cgroup v2 and systemd, and    needs root, QEMU (Debian's packages)
                  the life of a node: reboots, power cuts, no memory
    e2e-v2-all    every scenario there is, on that guest                 the same
    e2e-kind      two nodes that share a kernel                          needs Docker and kind

    tests/run.py [PART...] [--keep] [-- PYTEST ARGUMENTS]

The last two run only where they are named. --keep leaves the clusters up for the next run. Some parts kill nobody on
this kernel: the further Pythons, integration, controller, pages, and e2e-v2, whose guest has a kernel of its own. They
run beside the others, one after the other and with lower priority; what they print comes when they are done.

OOMREPORT_KINDLAB names a tool that brings a Docker engine where there is none: `TOOL up`, `TOOL sh CMD...`, `TOOL
down`. OOMREPORT_KIND_IMAGE and OOMREPORT_BUILDER (see `cluster --help`) then say what nodes and image are made of.

Exit status 1: a test failed, or a part did not start although the machine has all it needs. A part whose needs are not
met is named at the end; that is no failure.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pythons import Python, environment_of, other_pythons
from summary import Outcome, print_summary, read_report

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv/bin/python"
CLUSTER = [sys.executable, str(ROOT / "tests/cluster/cluster")]
CANNOT_RUN_HERE = 3
# Parts with real kernels and clusters: what failed is tried a second time, and the summary says so.
REAL = ("node", "integration", "controller", "chart", "e2e", "e2e-v2", "e2e-v2-all", "e2e-kind")
NO_TESTS = 5
# The older of pytest's two formats has room for what a test measured.
PROPERTIES = ("-o", "junit_family=xunit1")


# What a node with cgroup v2, systemd and another kernel may do otherwise, and what only a guest can go through; each
# costs the guest a minute.
V2 = (
    "tests/e2e/test_power.py",
    *(
        f"tests/e2e/test_node_life.py::test_{name}"
        for name in (
            "a_child_killed_alone_is_silent_where_the_kubelet_asks_for_it",
            "the_limit_of_all_pods_is_told_as_the_nodes_allocatable_memory",
            "an_innocent_victim_of_a_full_node_is_told_who_exceeded_its_request",
            "a_system_daemon_is_reported_on_its_node",
        )
    ),
    "tests/e2e/test_clock.py::test_no_kill_lies_in_the_future_of_who_reads_of_it[v2-ahead]",
    "tests/e2e/test_clock.py::test_a_kill_after_a_suspend_is_told_at_its_time_by_an_agent_that_came_later",
    "tests/e2e/test_workloads.py::test_pid_1_of_a_deployment_is_killed",
    "tests/e2e/test_kills.py::test_a_killed_child_is_silent_or_takes_its_container_along",
    "tests/e2e/test_kills.py::test_what_the_memory_consisted_of_is_seen_before_the_kernel_prints_it",
    "tests/e2e/test_kills.py::test_the_victim_of_a_pod_limit_need_not_be_the_container_that_allocated",
    "tests/e2e/test_kills.py::test_a_storm_whose_dumps_the_kernel_limits_is_counted_to_the_last_kill",
)
V2_UP = (("up", "--provider", "native", "--v2-worker"), ("deploy",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A group of tests with the cluster it needs: none, the API server alone, or a whole node.

    `nodes` are the kinds of nodes it runs on. What runs `beside` others needs no quiet machine and kills nobody on its
    kernel. `docker` says that it needs an engine, which a tool may bring; `by_name` that it runs only where it is
    named. `python` is the Python it runs under; None is that of .venv.
    """

    name: str
    paths: tuple[str, ...]
    cluster: str | None = None
    up: tuple[tuple[str, ...], ...] = ()
    nodes: str | None = None
    beside: bool = False
    docker: bool = False
    by_name: bool = False
    python: Python | None = None


PARTS = (
    Part(name="unit", paths=("tests/unit", "tests/property", "tests/records")),
    Part(name="node", paths=("tests/node",)),
    Part(
        name="integration",
        paths=("tests/integration", "--ignore=tests/integration/controller"),
        cluster="test-api",
        up=(("up", "--api-only"),),
        beside=True,
    ),
    Part(
        name="controller",
        paths=("tests/integration/controller",),
        cluster="test-controller",
        up=(("up", "--api-only"),),
        beside=True,
    ),
    Part(
        name="chart",
        paths=("tests/chart", "tests/monitoring"),
        cluster="test-chart",
        up=(("up", "--api-only"),),
        beside=True,
    ),
    Part(name="pages", paths=("tests/pages",), beside=True),
    Part(name="e2e", paths=("tests/e2e",), cluster="test", up=(("up",), ("deploy",)), nodes="native"),
    Part(name="e2e-v2", paths=V2, cluster="test-v2", up=V2_UP, nodes="v2", beside=True),
    Part(name="e2e-v2-all", paths=("tests/e2e",), cluster="test-v2-all", up=V2_UP, nodes="v2", by_name=True),
    Part(
        name="e2e-kind",
        paths=("tests/e2e",),
        cluster="test-kind",
        up=(("up", "--provider", "kind", "--workers", "1"), ("deploy",)),
        nodes="kind",
        docker=True,
        by_name=True,
    ),
)


def main(argv: Sequence[str]) -> int:
    """Run the parts in order and print the summary; return the exit status."""
    own, extra = (
        (list(argv[: argv.index("--")]), list(argv[argv.index("--") + 1 :])) if "--" in argv else (list(argv), [])
    )
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [PARTS[0], *map(under, other_pythons()), *PARTS[1:]]
    parser.add_argument(
        "part",
        nargs="*",
        choices=[[], *(part.name for part in known)],
        help="when none is named, all but e2e-v2-all and e2e-kind",
    )
    parser.add_argument("--keep", action="store_true", help="leave the clusters up")
    options = parser.parse_args(own)
    parts = [part for part in known if part.name in options.part or not (options.part or part.by_name)]
    outcomes = run_parts(parts, extra, keep=options.keep)
    left_out = [] if options.part else [part.name for part in known if part.by_name]
    return print_summary([outcomes[part.name] for part in parts], left_out)


def under(python: Python) -> Part:
    """Return the part that runs the unit tests under a further Python."""
    return Part(name=f"unit-{python.version}", paths=("tests/unit", "tests/records"), beside=True, python=python)


def run_parts(parts: Sequence[Part], extra: Sequence[str], *, keep: bool) -> dict[str, Outcome]:
    """Run the parts in order, and those that run beside others in a second row where there are others."""
    found: dict[str, Outcome] = {}
    aside = [part for part in parts if part.beside]
    aside = aside if len(aside) < len(parts) else []
    with ThreadPoolExecutor(max_workers=1) as second_row:
        started = {part.name: second_row.submit(run_aside, part, extra, keep=keep) for part in aside}
        for part in parts:
            if part not in aside:
                found[part.name] = run_whole_part(part, extra, keep=keep)
            for name in [name for name, running in started.items() if running.done()]:
                found[name] = printed_of(started.pop(name).result())
        for name, running in started.items():
            found[name] = printed_of(running.result())
    return found


def printed_of(done: tuple[Outcome, str]) -> Outcome:
    """Print what a part that ran beside others had to say, and return its outcome."""
    outcome, printed = done
    print(printed, end="", flush=True)
    return outcome


def run_aside(part: Part, extra: Sequence[str], *, keep: bool) -> tuple[Outcome, str]:
    """Run a part with its output kept; return that too."""
    with tempfile.NamedTemporaryFile("w+") as printed:
        outcome = run_whole_part(part, extra, keep=keep, printed=printed)
        printed.seek(0)
        return outcome, printed.read()


def run_whole_part(part: Part, extra: Sequence[str], *, keep: bool, printed: IO[str] | None = None) -> Outcome:
    """Run a part, and take down what it brought up."""
    engine = engine_of(part)
    if engine and (reason := brought_up(engine, printed)):
        return Outcome(part=part.name, not_run=reason)
    outcome = None
    try:
        outcome = run_part(part, extra, engine, printed)
        return outcome
    finally:
        # Where the machine lacks what a cluster needs, none came up.
        if part.cluster and not keep and not (outcome and outcome.left_out):
            down = [*inside_engine(engine), *CLUSTER, "--name", part.cluster, "down"]
            subprocess.run(down, check=False, stdout=subprocess.DEVNULL)
            if engine:
                subprocess.run([engine, "down"], check=False, stdout=subprocess.DEVNULL)


def engine_of(part: Part) -> str | None:
    """Return the tool that brings a Docker engine for a part; None where it needs none, or there is one."""
    return os.environ.get("OOMREPORT_KINDLAB") if part.docker else None


def brought_up(engine: str, printed: IO[str] | None) -> str | None:
    """Bring the engine up; return why it is not."""
    status = subprocess.run([engine, "up"], check=False, stdout=printed, stderr=printed).returncode
    return f"`{Path(engine).name} up` ended with status {status}" if status else None


def inside_engine(engine: str | None) -> list[str]:
    """Return the prefix of commands that need the engine."""
    return [engine, "sh"] if engine else []


def gently(printed: IO[str] | None) -> list[str]:
    """Return the prefix of what runs beside others, with its output kept: it may be slow, and they are timed."""
    return ["nice", "-n", "5"] if printed else []


def run_part(part: Part, extra: Sequence[str], engine: str | None, printed: IO[str] | None) -> Outcome:
    """Bring up what the part needs and run its tests."""
    outcome = Outcome(part=part.name)
    paths = [path for path in part.paths if path.startswith("-") or (ROOT / path.partition("::")[0]).exists()]
    started = time.monotonic()
    python = PYTHON
    if part.python:
        made, reason = environment_of(part.python)
        if made is None:
            outcome.not_run = f"no environment for {part.python.program}: {reason}"
            return outcome
        python = made
    for verb in part.up:
        print(f"\n== {part.name}: cluster {' '.join(verb)}", flush=True, file=printed)
        command = [*gently(printed), *inside_engine(engine), *CLUSTER, "--name", str(part.cluster), *verb]
        status = subprocess.run(command, check=False, stdout=printed, stderr=printed).returncode
        if status:
            kind = "this machine lacks what it needs (see above)" if status == CANNOT_RUN_HERE else f"status {status}"
            outcome.not_run = f"`tests/cluster/cluster {' '.join(verb)}`: {kind}"
            outcome.left_out = count_of(python, part)
            outcome.failed += status != CANNOT_RUN_HERE
            return outcome
    outcome.set_up_seconds = time.monotonic() - started
    print(f"\n== {part.name}: pytest {' '.join(paths)}", flush=True, file=printed)
    status = run_pytest(part, outcome, [str(python), "-m", "pytest", "-q", *paths, *extra], engine, printed)
    if outcome.failed and part.name in REAL:
        # The kernel's ring, its rate limit and both processors are shared with whatever else runs on the machine.
        print(f"\n== {part.name}: what failed, once more", flush=True, file=printed)
        again = Outcome(part=part.name)
        status = run_pytest(
            part, again, [str(python), "-m", "pytest", "-q", "--last-failed", *paths, *extra], engine, printed
        )
        outcome.second_try, outcome.failed = again.passed, again.failed
        outcome.passed += again.passed
        outcome.figures += again.figures
    if status not in (0, 1, NO_TESTS) or (status == 1 and not outcome.failed):
        outcome.failed += 1
        outcome.not_run = f"pytest ended with status {status}"
    outcome.seconds = time.monotonic() - started - outcome.set_up_seconds
    return outcome


def count_of(python: Path, part: Part) -> int:
    """Return how many tests a part holds."""
    command = [python, "-m", "pytest", "-q", "--collect-only", *part.paths]
    listed = subprocess.run(
        command, check=False, cwd=ROOT, env=environment_for(part), capture_output=True, text=True
    ).stdout
    return sum("::" in line for line in listed.splitlines())


def environment_for(part: Part) -> dict[str, str]:
    """Return the environment in which a part's tests run."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    return environment | {"OOMREPORT_E2E_NODES": part.nodes} if part.nodes else environment


def run_pytest(part: Part, outcome: Outcome, pytest: Sequence[str], engine: str | None, printed: IO[str] | None) -> int:
    """Run pytest where the part runs, add its figures to the outcome, and return its status."""
    inside = [*inside_engine(engine), *CLUSTER, "--name", part.cluster, "exec", "--"] if part.cluster else []
    environment = environment_for(part) | ({"OOMREPORT_E2E_PATIENCE": "2"} if printed else {})
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        # Parts that run at once must not forget what of the other failed.
        command = [
            *gently(printed),
            *inside,
            *pytest,
            f"--junitxml={report}",
            *PROPERTIES,
            "-o",
            f"cache_dir=.pytest_cache/{part.name}",
        ]
        status = subprocess.run(
            command, check=False, cwd=ROOT, env=environment, stdout=printed, stderr=printed
        ).returncode
        read_report(report, outcome)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
