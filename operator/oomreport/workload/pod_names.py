"""The name patterns of a workload's pods, for metrics queries.

Metrics know pods only by name. Kubernetes makes the names: `<deployment>-<template hash>-<5>`, `<daemonset>-<5>`,
`<statefulset>-<number>`, `<job>-<5>` or `<job>-<index>-<5>`; a CronJob's Jobs are named `<cronjob>-<minutes since
1970>`. Hash and suffix use an alphabet without vowels and without 0, 1 and 3, so that no words appear: `web-api-...` is
not taken for a pod of `web`. A generated name keeps 58 characters of what comes before its suffix, so no pattern can be
made for long names.
"""

import re

from oomreport.workload.owner import Workload

_SAFE = "[bcdfghjklmnpqrstvwxz2456789]"
_SUFFIX = f"{_SAFE}{{5}}"
_MOST_BASE = 58
_LONGEST_HASH = 10
_PATTERNS = {
    ("apps", "Deployment"): f"-{_SAFE}{{6,{_LONGEST_HASH}}}-{_SUFFIX}",
    ("apps", "ReplicaSet"): f"-{_SUFFIX}",
    ("apps", "DaemonSet"): f"-{_SUFFIX}",
    ("apps", "StatefulSet"): "-[0-9]+",
    ("batch", "Job"): f"-([0-9]+-)?{_SUFFIX}",
    ("batch", "CronJob"): f"-[0-9]+-([0-9]+-)?{_SUFFIX}",
}


def pod_names(workload: Workload, pod: str | None) -> str | None:
    """Return an anchored RE2 pattern for the names of a workload's pods; None where there is none.

    `pod` is the name of one of them: where the workload's kind has no pattern, it stands for all.
    """
    rest = _PATTERNS.get((workload.group, workload.kind))
    base_room = _MOST_BASE - 1 - (_LONGEST_HASH + 1 if workload.kind == "Deployment" else 0)
    is_whole = len(workload.name) <= base_room or workload.kind == "StatefulSet"
    # Where the pattern does not fit this pod, something else named it, perhaps an operator.
    if rest and is_whole and (pod is None or _is_named(pod, workload.name, rest)):
        return literal(workload.name) + rest
    return literal(pod) if pod else None


def _is_named(pod: str, workload: str, rest: str) -> bool:
    # The few patterns of kinds are compiled once; one with a workload's name in it would be compiled for each.
    return pod.startswith(workload) and re.fullmatch(rest, pod[len(workload) :], re.ASCII) is not None


def literal(name: str) -> str:
    """Return an RE2 pattern that matches just this name."""
    # A dash means something between brackets only.
    return re.escape(name).replace("\\-", "-")
