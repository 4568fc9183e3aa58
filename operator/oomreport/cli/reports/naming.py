"""Reports by the names that people type.

A name is that of a report, of a workload (`web`), or of a workload with its kind (`deploy/web`), as kubectl takes it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oomreport.cli.reports.cluster import Cluster
from oomreport.errors import ApiError, InputUnreadable

# `kubectl api-resources` lists these short names.
_SHORT_KINDS = {
    "cj": "cronjob",
    "deploy": "deployment",
    "ds": "daemonset",
    "no": "node",
    "po": "pod",
    "rs": "replicaset",
    "sts": "statefulset",
}
# What fits on a line of a terminal.
_MOST_TOLD = 5


def reports_named(reports: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the report of a name, or else all of the workload that the name is of."""
    own = [one for one in reports if one["metadata"]["name"] == name]
    if own:
        return own
    kind, slash, workload = name.rpartition("/")
    return [one for one in reports if _is_of(one["spec"]["workloadRef"], kind if slash else None, workload)]


def cluster_reports_named(cluster: Cluster, namespace: str, name: str) -> list[dict[str, Any]]:
    """Return the reports that a name is of in a namespace. Raises ApiError, status 404 where there is none."""
    if "/" not in name:
        try:
            return [cluster.report(namespace, name)]
        except ApiError as error:
            if not error.is_not_found:
                raise
    found = reports_named(cluster.reports(namespace), name)
    if not found:
        raise ApiError(
            f"{name}: no report and no workload with a report has this name in namespace {namespace};"
            f" oomreport list -n {namespace} prints the names, -A those of all namespaces",
            status=404,
        )
    return found


def only_report_named(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    """Return the one report that a name is of. Raises ApiError, and InputUnreadable where it is of several."""
    found = cluster_reports_named(cluster, namespace, name)
    if len(found) == 1:
        return found[0]
    names = [one["metadata"]["name"] for one in found]
    more = f" and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
    raise InputUnreadable(f"{name}: {len(names)} reports are of it, name one: {', '.join(names[:_MOST_TOLD])}{more}")


def _is_of(reference: Mapping[str, str], kind: str | None, workload: str) -> bool:
    if reference["name"] != workload:
        return False
    if kind is None:
        return True
    asked = kind.lower().partition(".")[0]
    own = reference["kind"].lower()
    return _SHORT_KINDS.get(asked, asked) in (own, f"{own}s")
