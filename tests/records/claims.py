"""The claims of told records: each has its facts in the record.

    python tests/records/claims.py LOG...

Looks for the words of each claim in all that `explain` says of each record. Prints how many claims were looked at, and
each one without its facts; exits with 1 if there is one.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from oomreport.cli.logs.explain import invocations_in
from oomreport.cli.logs.explained import Explained, spec_of
from oomreport.cli.logs.filling import make_up, whole_of
from oomreport.cli.logs.judgement import Judge
from oomreport.cli.logs.log_names import NameSearch
from oomreport.cli.logs.pods import named_by_log
from oomreport.cli.logs.shortage import shortage_of
from oomreport.cli.logs.story import heading, hints, recommended, sentences
from oomreport.kernel.record import SYSRQ_ORDER

Facts = Callable[[Explained], bool]


def has_pod(one: Explained) -> bool:
    return one.spec.subject is not None and one.spec.subject.pod_uid is not None


def shows_kubernetes(one: Explained) -> bool:
    names = {task.comm for task in one.invocation.tasks}
    return "kubepods" in one.invocation.log or bool(names & {"kubelet", "k3s-server", "k3s-agent", "pause"})


def all_protected(one: Explained) -> bool:
    adjs = {task.oom_score_adj for task in one.invocation.tasks}
    return one.invocation.table_whole and adjs == {-1000}


# What a claim's words need. A claim is looked for in everything that is said of a record.
CLAIMS: dict[str, Facts] = {
    " limit was reached": lambda one: one.invocation.constraint == "CONSTRAINT_MEMCG",
    "OpenVZ": lambda one: " in UB " in one.invocation.log,
    "only container was reached": has_pod,
    "of the pod was reached": has_pod,
    ": the node ran out of memory": lambda one: one.invocation.global_oom,
    "The whole node": lambda one: one.invocation.global_oom and one.invocation.constraint == "CONSTRAINT_NONE",
    "no cgroup's limit": lambda one: one.invocation.global_oom,
    "no other candidate": lambda one: one.invocation.table_whole and len(one.invocation.tasks) == 1,
    r"of \d+ candidates, ": lambda one: one.invocation.table_whole,
    "All candidates": lambda one: one.invocation.table_whole,
    "protected by oom_score_adj -1000": all_protected,
    "BestEffort": has_pod,
    "kubelet": shows_kubernetes,
    "Kubernetes shows": has_pod,
    "was in pod UID": has_pod,
    "pod UID .* is in it": lambda one: one.spec.oom_memcg is None and "Memory cgroup stats for /" in one.invocation.log,
    "Most was held by": lambda one: one.invocation.table_whole,
    "holding": lambda one: "rss:" in one.invocation.log,
    "shortens its path": lambda one: one.spec.subject is not None and not has_pod(one),
    "outside any pod": lambda one: not has_pod(one) and one.spec.task_memcg is not None,
    "NUMA node": lambda one: one.invocation.constraint in ("CONSTRAINT_CPUSET", "CONSTRAINT_MEMORY_POLICY"),
    r"(?<!who) asked for memory[.,]": lambda one: (
        one.invocation.trigger is not None and not one.invocation.limit_written
    ),
    "memory.oom.group": lambda one: one.invocation.group_kill,
    "No process is the cause": lambda one: "slab_unreclaimable" in one.invocation.log,
    "memory is fragmented": lambda one: " free:" in one.invocation.log,
    "panic_on_oom": lambda one: one.invocation.panicked and "panic_on_oom" in one.invocation.log,
    "whose limit it was": lambda one: not one.invocation.global_oom and one.invocation.oom_memcg is None,
    "by the lines of the kubelet": lambda one: one.named is not None and one.named.by_log,
    "several names": lambda one: len(one.alike) > 1,
    "Kubernetes sets an oom_score_adj": lambda one: (
        has_pod(one) and one.spec.subject is not None and one.spec.subject.qos_class == "Burstable"
    ),
    "a higher limit would not help": lambda one: (
        one.invocation.global_oom or (one.spec.oom_memcg or "").rstrip("/").endswith(("kubepods", "kubepods.slice"))
    ),
    "art of the memory ran short": lambda one: "free:" in one.invocation.log,
    "physpages": lambda one: " in UB " in one.invocation.log,
    "slabtop": lambda one: "slab_" in one.invocation.log,
    "/proc/buddyinfo|/proc/zoneinfo": lambda one: " free:" in one.invocation.log,
    "less than the limit allows": lambda one: (
        one.invocation.memory is not None
        and (one.invocation.memory.usage_bytes or 0) < (one.invocation.memory.limit_bytes or 0)
    ),
    r"SysRq f|sysrq-trigger": lambda one: (
        (one.invocation.trigger is not None and one.invocation.trigger.order == SYSRQ_ORDER)
        or "Manual OOM" in one.invocation.log
    ),
    "Its child": lambda one: one.invocation.chosen is not None,
    "wrote a lower limit": lambda one: one.invocation.limit_written,
    "most of the memory is elsewhere": lambda one: bool(one.invocation.victims),
    "next was": lambda one: len(one.invocation.tasks) > 1,
    "reached its own limit of": lambda one: bool(one.invocation.memory and one.invocation.memory.limit_bytes),
    "Raise the (?:container|pod)'s memory limit": lambda one: (
        one.spec.subject is not None and bool(one.invocation.memory and one.invocation.memory.limit_bytes)
    ),
}


def explained(log: Path) -> list[Explained]:
    """Return what is told of each record of a log."""
    judge = Judge()
    search = NameSearch(str(log), is_kept=False)
    found = []
    for invocation in invocations_in(str(log)):
        spec = spec_of(invocation)
        named, alike = named_by_log(spec, search.names([spec]))
        spec = named.of(spec) if named is not None else spec
        judgement = judge.judgement(spec, named, shortage_of(invocation))
        found.append(Explained(invocation, spec, named, judgement, None, alike))
    return found


def said(one: Explained) -> list[str]:
    """Return everything that is said of a record."""
    findings = one.judgement.findings if one.judgement is not None else ()
    advice = one.judgement.recommendation if one.judgement is not None else None
    return [
        heading(one),
        *sentences(one),
        *hints(one),
        *(finding.message for finding in findings),
        *([f"{recommended(advice)}. {advice.basis}"] if advice is not None else []),
    ]


def made(one: Explained) -> Iterator[tuple[str, str]]:
    """Yield each claim that is made of a record, with the sentence that makes it."""
    texts = said(one)
    return ((words, text) for words in CLAIMS for text in texts if re.search(words, text))


def untrue(one: Explained) -> list[tuple[str, str]]:
    """Return the claims without their facts."""
    without = [(words, text) for words, text in made(one) if not CLAIMS[words](one)]
    over = sum(share.size for share in make_up(one.invocation)) > whole_of(one.invocation)
    return [*without, *([("bar", "the bar is larger than the whole")] if over else [])]


def main(logs: Iterable[str]) -> int:
    """Print the figures; return 1 where a claim lacks its facts."""
    records = claims = 0
    found: list[str] = []
    for log in logs:
        for one in explained(Path(log)):
            records += 1
            claims += sum(1 for _ in made(one))
            found += [f"{log}: {words}: {text}" for words, text in untrue(one)]
    print(*found, f"claims: {claims} of {records} records looked at, {len(found)} without their facts", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
