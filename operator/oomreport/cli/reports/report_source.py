"""Reports from a cluster or from an exported file."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oomreport.cli.documents import documents_in
from oomreport.cli.reports.cluster import Cluster, cluster_of
from oomreport.cli.terminal import say
from oomreport.errors import ApiError, InputUnreadable
from oomreport.gitops.advice import Advice, advice_of, reports_in


def reports_of_file(path: str) -> list[dict[str, Any]]:
    """Return the reports of a file, - is standard input. Raises InputUnreadable."""
    where = "standard input" if path == "-" else path
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise InputUnreadable(f"{where}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputUnreadable(f"{where}: not UTF-8: {error}") from error
    return reports_in(documents_in(text, where), where)


def connected(arguments: argparse.Namespace) -> Cluster:
    """Return the cluster of the arguments. Raises ApiError."""
    return cluster_of(context=arguments.context, kubeconfig=arguments.kubeconfig)


def reports_for(arguments: argparse.Namespace, *, mapped: bool = False, told: bool = True) -> list[dict[str, Any]]:
    """Return the reports that the arguments ask for, in order of namespace and name. Raises InputUnreadable, ApiError.

    `mapped` adds what the annotations of their workloads say of values files, at one request for each. `told` says on
    standard error where there is none, and how many there are elsewhere.
    """
    if arguments.reports is not None:
        found = reports_of_file(arguments.reports)
        wanted = _terms(arguments.selector)
        found = [
            one
            for one in found
            if arguments.namespace in (None, one["metadata"]["namespace"]) and _selected(one, wanted)
        ]
    else:
        cluster = connected(arguments)
        namespace = None if arguments.all_namespaces else arguments.namespace or cluster.namespace
        found = cluster.reports(namespace, arguments.selector)
        if told and not found and namespace is not None:
            say(_none_in(cluster, namespace, arguments.selector))
        for problem in cluster.with_mappings(found) if mapped else ():
            say(f"annotations of workloads cannot be read: {problem}")
    return sorted(found, key=lambda one: (one["metadata"]["namespace"], one["metadata"]["name"]))


def none_in(namespace: str, *, exists: bool | None, elsewhere: int | None) -> str:
    """Return that a namespace has no reports; None is what could not be asked for."""
    what = f"no reports in namespace {namespace}" + ("" if exists is not False else ", which does not exist")
    if elsewhere is None:
        return f"{what}; -A uses those of all namespaces"
    return f"{what}; other namespaces have {elsewhere}" + (", -A uses them" if elsewhere else "")


def _none_in(cluster: Cluster, namespace: str, selector: str | None) -> str:
    exists: bool | None = True
    try:
        cluster.get(f"/api/v1/namespaces/{namespace}")
    except ApiError as error:
        exists = False if error.is_not_found else None
    try:
        elsewhere = len(cluster.reports(None, selector))
    except ApiError:
        return none_in(namespace, exists=exists, elsewhere=None)
    return none_in(namespace, exists=exists, elsewhere=elsewhere)


def advice_for(arguments: argparse.Namespace, *, mapped: bool) -> list[Advice]:
    """Return what the reports ask for that the arguments ask for. Raises InputUnreadable, ApiError."""
    return [advice_of(report) for report in reports_for(arguments, mapped=mapped)]


def _terms(selector: str | None) -> list[tuple[str, bool, str]]:
    terms = []
    for term in filter(None, (part.strip() for part in (selector or "").split(","))):
        key, equals, value = term.partition("=")
        if not equals or "(" in term:
            raise InputUnreadable(f"--selector {selector}: with --reports it is of the form key=value or key!=value")
        terms.append((key.rstrip("!").strip(), not key.endswith("!"), value.lstrip("=").strip()))
    return terms


def _selected(report: Mapping[str, Any], terms: list[tuple[str, bool, str]]) -> bool:
    labels = report["metadata"].get("labels") or {}
    return all((labels.get(key) == value) is wanted for key, wanted, value in terms)
