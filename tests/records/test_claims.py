"""Every claim of a told record has its facts in the record."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from oomreport.cli.logs.explain import invocations_in
from oomreport.cli.logs.explained import Explained, spec_of
from oomreport.cli.logs.filling import make_up, whole_of
from oomreport.cli.logs.judgement import Judge
from oomreport.cli.logs.shortage import shortage_of
from oomreport.cli.logs.story import heading, hints, sentences
from records.records import FOLDERS

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
    "holding": lambda one: "anon-rss:" in one.invocation.log,
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
}


def explained(log: Path) -> list[Explained]:
    judge = Judge()
    found = []
    for invocation in invocations_in(str(log)):
        spec = spec_of(invocation)
        found.append(Explained(invocation, spec, None, judge.judgement(spec, None, shortage_of(invocation))))
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_claim_has_its_facts(folder: Path) -> None:
    log = next(path for path in folder.iterdir() if path.name.startswith("log"))
    for one in explained(log):
        findings = one.judgement.findings if one.judgement is not None else ()
        said = [heading(one), *sentences(one), *hints(one), *(finding.message for finding in findings)]
        untrue = [
            (words, text)
            for words, facts in CLAIMS.items()
            for text in said
            if re.search(words, text) and not facts(one)
        ]
        assert untrue == []
        assert sum(share.size for share in make_up(one.invocation)) <= whole_of(one.invocation)


def test_each_claim_is_made_somewhere() -> None:
    """A claim that no record makes is not held by the test above; the rare ones have tests of their own lines."""
    rare = {
        "OpenVZ",
        "memory is fragmented",
        "no other candidate",
        "panic_on_oom",
        "No process is the cause",
        "All candidates",
    }
    said = " ".join(
        text
        for folder in FOLDERS
        for log in folder.iterdir()
        if log.name.startswith("log")
        for one in explained(log)
        for text in (
            heading(one),
            *sentences(one),
            *hints(one),
            *(f.message for f in (one.judgement.findings if one.judgement else ())),
        )
    )
    assert {words for words in CLAIMS if not re.search(words, said)} <= rare
