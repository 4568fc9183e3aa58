"""Reports in a cluster, reached by kubeconfig or service account."""

# ruff: noqa: PLC0415 - what only some runs need is imported by them, so that starting is quick

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from oomreport.errors import ApiError
from oomreport.gitops.values import ANNOTATION_PREFIX
from oomreport.names import GROUP, OOM_REPORTS, VERSION

_PAGE = 200
_SECONDS = 30
_FIELD_MANAGER = "oomreport-cli"
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A connection. `namespace` is the context's, `user` the name that the kubeconfig has for who calls."""

    api: Any
    namespace: str
    user: str

    def reports(self, namespace: str | None, selector: str | None = None) -> list[dict[str, Any]]:
        """Return the reports of a namespace, or of all (None). Raises ApiError."""
        found: list[dict[str, Any]] = []
        following: str | None = None
        while True:
            page = self._page(namespace, selector, following)
            # Items of a list come without the two.
            found += [
                {"apiVersion": f"{GROUP}/{VERSION}", "kind": "OOMReport", **item} for item in page.get("items", [])
            ]
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                return found

    def report(self, namespace: str, name: str) -> dict[str, Any]:
        """Return a report. Raises ApiError."""
        found: dict[str, Any] = _asked(
            f"oomreport {namespace}/{name}",
            lambda: self._objects().get_namespaced_custom_object(
                GROUP, VERSION, namespace, OOM_REPORTS, name, _request_timeout=_SECONDS
            ),
        )
        return found

    def review(self, report: Mapping[str, Any], review: Mapping[str, str]) -> dict[str, Any]:
        """Write only spec.review of a report as it was read. Raises ApiError, with status 409 where it changed."""
        metadata = report["metadata"]
        body = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "spec": {"review": dict(review)}}
        found: dict[str, Any] = _asked(
            f"oomreport {metadata['namespace']}/{metadata['name']}",
            lambda: self._objects().patch_namespaced_custom_object(
                GROUP,
                VERSION,
                metadata["namespace"],
                OOM_REPORTS,
                metadata["name"],
                body,
                field_manager=_FIELD_MANAGER,
                _content_type="application/merge-patch+json",
                _request_timeout=_SECONDS,
            ),
        )
        return found

    def who(self) -> str:
        """Return the name that the API server has for the caller; the kubeconfig's where it does not say."""
        from kubernetes import client

        try:
            answer: Any = client.AuthenticationV1Api(self.api).create_self_subject_review(
                client.V1SelfSubjectReview(), _request_timeout=_SECONDS
            )
            return str(answer.status.user_info.username)
        except Exception:  # noqa: BLE001 - older servers do not know it, some forbid it
            return self.user

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Return an object or a list by its path. Raises ApiError."""
        return self._get(path + (f"?{urlencode(query)}" if query else ""))

    def allowed(self, user: str, *, verb: str, group: str, resource: str, namespace: str) -> bool:
        """Return whether a user may do something. Raises ApiError, where the caller may not ask that."""
        from kubernetes import client

        plural, _, sub = resource.partition("/")
        attributes = {"verb": verb, "group": group, "resource": plural, "subresource": sub, "namespace": namespace}
        review: Any = {"spec": {"user": user, "groups": _groups_of(user), "resourceAttributes": attributes}}
        answer: Any = _asked(
            f"rights of {user}",
            lambda: client.AuthorizationV1Api(self.api).create_subject_access_review(review, _request_timeout=_SECONDS),
        )
        return bool(answer.status.allowed)

    def now(self) -> datetime:
        """Return the API server's time, which it sends with each answer. Raises ApiError."""
        answer: Any = _asked(
            "/version",
            lambda: self.api.call_api(
                *self.api.param_serialize("GET", "/version", auth_settings=["BearerToken"]), _request_timeout=_SECONDS
            ),
        )
        answer.read()
        return parsedate_to_datetime(str(answer.getheader("Date")))

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
        found = self._get(f"{above}/namespaces/{namespace}/{plural}/{name}")
        return (found.get("metadata") or {}).get("annotations") or {}

    def _plurals(self, version: str, kind: str) -> Iterator[str]:
        known = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"}
        if kind in known:
            yield f"{kind.lower()}s"
            return
        found = self._get(f"/apis/{version}" if "/" in version else f"/api/{version}")
        yield from (one["name"] for one in found.get("resources", []) if one["kind"] == kind and "/" not in one["name"])

    def _get(self, path: str) -> dict[str, Any]:
        def ask() -> bytes:
            answer = self.api.call_api(
                *self.api.param_serialize(
                    "GET", path, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"]
                ),
                _request_timeout=_SECONDS,
            )
            answer.read()
            if answer.status >= 400:
                raise ApiError(f"{path}: {answer.reason}", status=answer.status, reason=str(answer.reason))
            return bytes(answer.data)

        found: dict[str, Any] = json.loads(_asked(path, ask))
        return found

    def _page(self, namespace: str | None, selector: str | None, following: str | None) -> dict[str, Any]:
        options: dict[str, Any] = {"limit": _PAGE, "_request_timeout": _SECONDS}
        options |= {"label_selector": selector} if selector else {}
        options |= {"_continue": following} if following else {}
        objects = self._objects()
        if namespace is None:
            found = _asked(
                "oomreports of all namespaces",
                lambda: objects.list_cluster_custom_object(GROUP, VERSION, OOM_REPORTS, **options),
            )
        else:
            found = _asked(
                f"oomreports of namespace {namespace}",
                lambda: objects.list_namespaced_custom_object(GROUP, VERSION, namespace, OOM_REPORTS, **options),
            )
        return dict(found)

    def _objects(self) -> Any:  # noqa: ANN401 - the client has no types
        from kubernetes import client

        return client.CustomObjectsApi(self.api)


def _groups_of(user: str) -> list[str]:
    """Return the groups that a service account is in, which a review has to be told."""
    parts = user.split(":")
    account = parts[:2] == ["system", "serviceaccount"] and len(parts) == 4
    own = ["system:serviceaccounts", f"system:serviceaccounts:{parts[2]}"] if account else []
    return [*own, "system:authenticated"]


def cluster_of(*, context: str | None, kubeconfig: str | None) -> Cluster:
    """Return a connection. Raises ApiError where there is no such context, or no kubeconfig at all."""
    from kubernetes import client, config
    from kubernetes.config.config_exception import ConfigException

    try:
        config.load_kube_config(config_file=kubeconfig, context=context)  # type: ignore[no-untyped-call]
        contexts, active = config.list_kube_config_contexts(config_file=kubeconfig)  # type: ignore[no-untyped-call]
        chosen = next((one for one in contexts if one["name"] == context), active)["context"]
        return Cluster(
            api=client.ApiClient(),
            namespace=chosen.get("namespace") or "default",
            user=str(chosen.get("user") or ""),
        )
    except ConfigException as error:
        if context is None and kubeconfig is None and (inside := _inside()):
            return inside
        raise ApiError(f"kubeconfig: {error}") from error
    except (OSError, ValueError) as error:
        raise ApiError(f"kubeconfig: {error}") from error


def _inside() -> Cluster | None:
    """Return the connection of a pod's service account; None outside of pods."""
    from pathlib import Path

    from kubernetes import client, config
    from kubernetes.config.config_exception import ConfigException

    try:
        config.load_incluster_config()  # type: ignore[no-untyped-call]
    except ConfigException:
        return None
    own = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    namespace = own.read_text(encoding="utf-8").strip() if own.exists() else "default"
    return Cluster(api=client.ApiClient(), namespace=namespace, user="")


def _asked(what: str, ask: Callable[[], Answer]) -> Answer:
    from kubernetes.client.exceptions import ApiException

    try:
        return ask()
    except ApiException as error:
        raise ApiError(f"{what}: {_words(error)}", status=error.status or 0, reason=str(error.reason or "")) from error
    except ApiError:
        raise
    except Exception as error:
        raise ApiError(f"{what}: the API server cannot be reached: {error}") from error


def _words(error: Any) -> str:  # noqa: ANN401 - the client has no types
    try:
        said = json.loads(error.body)
        return str(said.get("message") or error.reason)
    except (TypeError, ValueError, AttributeError):
        return f"{error.status} {error.reason}"
