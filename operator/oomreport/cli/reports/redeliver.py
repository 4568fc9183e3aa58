"""`oomreport redeliver`: have hooks told again what was given up.

It writes an annotation on reports, which the controller acts on: who may review reports may do it. The annotation holds
when the last of those deliveries was given up, by the controller's clock: what fails after that is not meant.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oomreport.cli.reports.cluster import Cluster, cluster_of
from oomreport.cli.terminal import say
from oomreport.errors import ApiError
from oomreport.hooks.delivery import Delivery, State, deliveries_of
from oomreport.names import OOM_HOOKS
from oomreport.times import rfc3339


def run(arguments: argparse.Namespace) -> int:
    """Write the annotations and return the exit status: 1 where there was nothing to redeliver, or it was refused."""
    try:
        cluster = cluster_of(context=arguments.context, kubeconfig=arguments.kubeconfig)
        namespace = None if arguments.all_namespaces else arguments.namespace or cluster.namespace
        hook = _hook(arguments.hook, namespace or cluster.namespace)
        if hook:
            _require_hook(cluster, hook)
        asked = 0
        for report in _chosen(cluster, namespace, arguments.report):
            failed = failed_of(report, hook)
            if failed:
                cluster.ask_redelivery(report, wish(failed, hook))
                metadata = report["metadata"]
                print(f"{metadata['namespace']}/{metadata['name']}: {len(failed)} deliveries will be tried again")
                asked += len(failed)
    except ApiError as error:
        say(error)
        return 1
    if not asked:
        to = f" to hook {hook}" if hook else ""
        where = f" in namespace {namespace}; -A asks all namespaces" if namespace else ""
        say(f"no delivery{to} was given up{where}")
        return 1
    return 0


def failed_of(report: Mapping[str, Any], hook: str) -> list[Delivery]:
    """Return the deliveries of a report that were given up; of one hook where it is not empty."""
    deliveries = deliveries_of(report.get("status") or {})
    return [one for one in deliveries if one.state is State.FAILED and one.finished and hook in ("", one.key.hook)]


def wish(failed: Sequence[Delivery], hook: str) -> str:
    """Return the annotation that asks for deliveries, of one hook where it is not empty."""
    return f"{rfc3339(max(one.finished for one in failed if one.finished))} {hook}".strip()


def _hook(name: str | None, namespace: str) -> str:
    if not name:
        return ""
    return name if "/" in name else f"{namespace}/{name}"


def _chosen(cluster: Cluster, namespace: str | None, name: str | None) -> list[dict[str, Any]]:
    """Return one report, or all of a namespace, or of all namespaces."""
    if not name:
        return cluster.reports(namespace)
    where = namespace or cluster.namespace
    hint = f"there is no report {name} in namespace {where}; oomreport list -n {where} prints the names"
    return [_there(lambda: cluster.report(where, name), hint)]


def _require_hook(cluster: Cluster, hook: str) -> None:
    """Ask for a hook (namespace/name). Raises ApiError where there is none; who may not read hooks is believed."""
    namespace, _, name = hook.partition("/")
    hint = f"there is no hook {name} in namespace {namespace}; kubectl get {OOM_HOOKS} -A prints the names"
    try:
        _there(lambda: cluster.hook(namespace, name), hint)
    except ApiError as error:
        if not error.is_refusal:
            raise


def _there(ask: Callable[[], dict[str, Any]], missing: str) -> dict[str, Any]:
    try:
        return ask()
    except ApiError as error:
        if error.is_not_found:
            raise ApiError(missing, status=error.status) from error
        raise
