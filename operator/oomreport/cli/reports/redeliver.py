"""`oomreport redeliver`: have hooks told again what was given up.

It writes an annotation on reports, which the controller acts on: who may review reports may do it. The annotation holds
when the last of those deliveries was given up, by the controller's clock: what fails after that is not meant.
"""

# ruff: noqa: PLC0415 - what only some runs need is imported by them, so that starting is quick

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oomreport.errors import ApiError
from oomreport.hooks.delivery import Delivery, State, deliveries_of
from oomreport.names import ANNOTATION_REDELIVER, GROUP, OOM_HOOKS, OOM_REPORTS, VERSION
from oomreport.times import rfc3339


def run(arguments: argparse.Namespace) -> int:
    """Write the annotations and return the exit status: 1 where there was nothing to redeliver, or it was refused."""
    try:
        reports = _Reports(arguments.context)
        namespace = None if arguments.all_namespaces else arguments.namespace or reports.namespace
        hook = _hook(arguments.hook, namespace or reports.namespace)
        if hook:
            reports.require_hook(hook)
        asked = 0
        for report in reports.found(namespace, arguments.report):
            failed = failed_of(report, hook)
            if failed:
                reports.annotate(report, wish(failed, hook))
                metadata = report["metadata"]
                print(f"{metadata['namespace']}/{metadata['name']}: {len(failed)} deliveries will be tried again")
                asked += len(failed)
    except ApiError as error:
        print(f"oomreport: {error}", file=sys.stderr)
        return 1
    if not asked:
        to = f" to hook {hook}" if hook else ""
        where = f" in namespace {namespace}; -A asks all namespaces" if namespace else ""
        print(f"oomreport: no delivery{to} was given up{where}", file=sys.stderr)
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


class _Reports:
    """Reports by a context of the kubeconfig. Raises ApiError."""

    def __init__(self, context: str) -> None:
        from kubernetes import client, config
        from kubernetes.config.config_exception import ConfigException

        try:
            config.load_kube_config(context=context or None)  # type: ignore[no-untyped-call]
            contexts, current = config.list_kube_config_contexts()  # type: ignore[no-untyped-call]
        except ConfigException as error:
            raise ApiError(f"kubeconfig: {error}") from error
        used = next((one for one in contexts if one["name"] == context), current)
        self.namespace = str(used["context"].get("namespace") or "default")
        self._api = client.CustomObjectsApi()

    def found(self, namespace: str | None, name: str | None) -> Iterator[dict[str, Any]]:
        """Return one report, or all of a namespace, or of all namespaces."""
        if name:
            where = namespace or self.namespace
            hint = f"there is no report {name} in namespace {where}; oomreport list -n {where} prints the names"
            yield self._there("get_namespaced_custom_object", where, OOM_REPORTS, name, missing=hint)
            return
        following: str | None = None
        while True:
            more = {"limit": 200} | ({"_continue": following} if following else {})
            page = (
                self._asked("list_namespaced_custom_object", namespace, OOM_REPORTS, **more)
                if namespace
                else self._asked("list_cluster_custom_object", OOM_REPORTS, **more)
            )
            yield from page["items"]
            following = page["metadata"].get("continue")
            if not following:
                return

    def require_hook(self, hook: str) -> None:
        """Ask for a hook (namespace/name). Raises ApiError where there is none; who may not read hooks is believed."""
        namespace, _, name = hook.partition("/")
        missing = f"there is no hook {name} in namespace {namespace}; kubectl get {OOM_HOOKS} -A prints the names"
        try:
            self._there("get_namespaced_custom_object", namespace, OOM_HOOKS, name, missing=missing)
        except ApiError as error:
            if not error.is_refusal:
                raise

    def _there(self, call: str, *arguments: object, missing: str) -> dict[str, Any]:
        try:
            return self._asked(call, *arguments)
        except ApiError as error:
            if error.is_not_found:
                raise ApiError(missing, status=error.status) from error
            raise

    def annotate(self, report: Mapping[str, Any], text: str) -> None:
        """Write the wish on a report."""
        metadata = report["metadata"]
        body = {"metadata": {"annotations": {ANNOTATION_REDELIVER: text}}}
        self._asked(
            "patch_namespaced_custom_object", metadata["namespace"], OOM_REPORTS, metadata["name"], body,
            field_manager="oomreport-cli", _content_type="application/merge-patch+json",
        )  # fmt: skip

    def _asked(self, call: str, *arguments: object, **more: object) -> dict[str, Any]:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            answer: dict[str, Any] = getattr(self._api, call)(GROUP, VERSION, *arguments, **more)
        except ApiException as error:
            where = "/".join(str(one) for one in arguments if isinstance(one, str))
            raise ApiError(f"{where}: HTTP {error.status} {error.reason}", status=int(error.status or 0)) from error
        except HTTPError as error:
            raise ApiError(f"the API server does not answer: {error}") from error
        return answer
