"""Reports in a cluster."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from oomreport.adapters.cluster.connection import connection_of
from oomreport.adapters.cluster.transport import JSON, MERGE_PATCH, ApiTransport, items_of
from oomreport.errors import ApiError
from oomreport.gitops.values import ANNOTATION_PREFIX
from oomreport.names import ANNOTATION_REDELIVER, API_VERSION, OOM_HOOKS, OOM_REPORTS

_PAGE = 200
# A pod answers from memory. One that the API server does not reach gets no answer from it for half a minute.
_PAGE_SECONDS = 10
_FIELD_MANAGER = "oomreport-cli"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A connection. `namespace` is the context's, `user` the name that the kubeconfig has for who calls."""

    transport: ApiTransport
    namespace: str
    user: str

    def reports(self, namespace: str | None, selector: str | None = None) -> list[dict[str, Any]]:
        """Return the reports of a namespace, or of all (None). Raises ApiError."""
        what = f"oomreports of namespace {namespace}" if namespace else "oomreports of all namespaces"
        query = {"labelSelector": selector} if selector else {}
        items = items_of(self.transport, _path(namespace, OOM_REPORTS), what=what, page=_PAGE, **query)
        # Items of a list come without the two.
        return [{"apiVersion": API_VERSION, "kind": "OOMReport", **item} for item in items]

    def report(self, namespace: str, name: str) -> dict[str, Any]:
        """Return a report. Raises ApiError."""
        return self._ask(f"oomreport {namespace}/{name}", "GET", _path(namespace, OOM_REPORTS, name))

    def hook(self, namespace: str, name: str) -> dict[str, Any]:
        """Return a hook. Raises ApiError."""
        return self._ask(f"oomhook {namespace}/{name}", "GET", _path(namespace, OOM_HOOKS, name))

    def review(self, report: Mapping[str, Any], review: Mapping[str, str]) -> dict[str, Any]:
        """Write only spec.review of a report as it was read. Raises ApiError, with status 409 where it changed."""
        version = report["metadata"]["resourceVersion"]
        return self._patch(report, {"metadata": {"resourceVersion": version}, "spec": {"review": dict(review)}})

    def ask_redelivery(self, report: Mapping[str, Any], wish: str) -> None:
        """Write the annotation that asks for deliveries. Raises ApiError."""
        self._patch(report, {"metadata": {"annotations": {ANNOTATION_REDELIVER: wish}}})

    def who(self) -> str:
        """Return the name that the API server has for the caller; the kubeconfig's where it does not say."""
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            return str(self._ask("own name", "POST", path, body=body)["status"]["userInfo"]["username"])
        except (ApiError, KeyError, TypeError):  # older servers do not know it, some forbid it
            return self.user

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Return an object or a list by its path. Raises ApiError."""
        return self._ask(path, "GET", path + (f"?{urlencode(query)}" if query else ""))

    def page(self, namespace: str, pod: str, port: int, name: str) -> dict[str, Any]:
        """Return a page that a pod serves, whatever the status that the pod gives it. Raises ApiError."""
        answer = self.transport.send("GET", f"{_pod(namespace, pod)}:{port}/proxy/{name}", seconds=_PAGE_SECONDS)
        # A refusal of the API server is a Status; that of the pod has its reasons in the body.
        said = answer.object_or_none()
        return said if said and said.get("kind") != "Status" else answer.object_or_raise(f"pod {namespace}/{pod}")

    def log(self, namespace: str, pod: str, lines: int) -> list[str]:
        """Return the last lines of a pod's log. Raises ApiError."""
        answer = self.transport.send("GET", f"{_pod(namespace, pod)}/log?tailLines={lines}")
        if answer.status >= 400:
            answer.object_or_raise(f"log of pod {namespace}/{pod}")
        return answer.body.decode("utf-8", "replace").splitlines()

    def allowed(self, user: str, *, verb: str, group: str, resource: str, namespace: str) -> bool:
        """Return whether a user may do something. Raises ApiError, where the caller may not ask that."""
        plural, _, sub = resource.partition("/")
        attributes = {"verb": verb, "group": group, "resource": plural, "subresource": sub, "namespace": namespace}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "groups": _groups_of(user), "resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        answer = self._ask(f"rights of {user}", "POST", path, body=body)
        return bool((answer.get("status") or {}).get("allowed"))

    def now(self) -> datetime:
        """Return the API server's time, which it sends with each answer. Raises ApiError."""
        date = self.transport.send("GET", "/version").date
        try:
            return parsedate_to_datetime(date)
        except ValueError as error:
            raise ApiError(f"/version: the answer has no time: {date!r}") from error

    def with_mappings(self, reports: list[dict[str, Any]]) -> list[str]:
        """Add to reports what their workloads' annotations say of values files; return what could not be read."""
        problems: dict[str, str] = {}
        for report in reports:
            reference = report["spec"]["workloadRef"]
            try:
                found = self._annotations(report["metadata"]["namespace"], reference)
            except ApiError as error:
                if not error.is_not_found:
                    problems.setdefault(f"{reference['kind']}: {error.reason or error.status}", str(error))
                continue
            own = {key: value for key, value in found.items() if key.startswith(ANNOTATION_PREFIX)}
            if own:
                metadata = report["metadata"]
                metadata["annotations"] = {**(metadata.get("annotations") or {}), **own}
        return list(problems.values())

    def _annotations(self, namespace: str, reference: Mapping[str, str]) -> Mapping[str, str]:
        version, kind, name = reference["apiVersion"], reference["kind"], reference["name"]
        if kind == "Node":
            return {}
        plural = next(iter(self._plurals(version, kind)), None)
        if plural is None:
            return {}
        above = f"/apis/{version}" if "/" in version else f"/api/{version}"
        found = self.get(f"{above}/namespaces/{namespace}/{plural}/{name}")
        return (found.get("metadata") or {}).get("annotations") or {}

    def _plurals(self, version: str, kind: str) -> Iterator[str]:
        known = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"}
        if kind in known:
            yield f"{kind.lower()}s"
            return
        found = self.get(f"/apis/{version}" if "/" in version else f"/api/{version}")
        yield from (one["name"] for one in found.get("resources", []) if one["kind"] == kind and "/" not in one["name"])

    def _patch(self, report: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
        namespace, name = report["metadata"]["namespace"], report["metadata"]["name"]
        path = f"{_path(namespace, OOM_REPORTS, name)}?fieldManager={_FIELD_MANAGER}"
        return self._ask(f"oomreport {namespace}/{name}", "PATCH", path, body=body, content_type=MERGE_PATCH)

    def _ask(
        self, what: str, method: str, path: str, *, body: Mapping[str, Any] | None = None, content_type: str = JSON
    ) -> dict[str, Any]:
        return self.transport.send(method, path, body=body, content_type=content_type).object_or_raise(what)


def _path(namespace: str | None, plural: str, name: str = "") -> str:
    within = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"/apis/{API_VERSION}{within}/{plural}" + (f"/{quote(name, safe='')}" if name else "")


def _pod(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(name, safe='')}"


def _groups_of(user: str) -> list[str]:
    """Return the groups that a service account is in, which a review has to be told."""
    parts = user.split(":")
    account = parts[:2] == ["system", "serviceaccount"] and len(parts) == 4
    own = ["system:serviceaccounts", f"system:serviceaccounts:{parts[2]}"] if account else []
    return [*own, "system:authenticated"]


def cluster_of(*, context: str | None, kubeconfig: str | None) -> Cluster:
    """Return the cluster of a context. Raises ApiError where there is no such context, or no way to it."""
    found = connection_of(context=context, kubeconfig=kubeconfig)
    return Cluster(transport=found.transport, namespace=found.namespace, user=found.user)
