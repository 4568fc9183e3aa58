"""An API server in memory: objects, versions, patches and refusals, as far as the controller uses them.

What only a real one shows (schemas, admission, watches, rights) is tested on a real one, in tests/integration.
"""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from oomreport.adapters.cluster.api_server import ApiServer, path
from oomreport.errors import ApiError
from oomreport.names import API_VERSION, OOM_REPORTS

Object = dict[str, Any]
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Where:
    """A parsed path."""

    kind: str
    namespace: str
    name: str
    sub: str


def where_of(text: str) -> Where:
    """Parse a path such as /apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/SUB."""
    parts = text.strip("/").split("/")
    head = 2 if parts[0] == "api" else 3
    version, rest = "/".join(parts[1:head]), parts[head:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    plural, name, sub = [*rest, "", ""][:3]
    return Where(kind=f"{version}/{plural}", namespace=namespace, name=name, sub=sub)


class MemoryApi(ApiServer):
    """Has the interface of `ApiServer`. `refusals` are asked before each request."""

    def __init__(self) -> None:
        self._server, self._manager = "memory:", "oomreport-controller"
        self._objects: dict[Key, Object] = {}
        self._versions = itertools.count(1)
        self.requests: list[tuple[str, str]] = []
        self.refusals: list[Callable[[str, str], ApiError | None]] = []
        self.gone_namespaces: set[str] = set()
        self.denied: set[str] = set()
        self.silent = 0.0
        self.account = "system:serviceaccount:oomreport-system:oomreport-controller"

    # --- For tests ---

    def put(self, api_version: str, plural: str, obj: Mapping[str, Any]) -> Object:
        """Store an object as if it had always been there."""
        body = deepcopy(dict(obj))
        metadata = body.setdefault("metadata", {})
        metadata.setdefault("uid", f"uid-{metadata['name']}")
        metadata.setdefault("creationTimestamp", "2026-11-20T20:21:08Z")
        metadata.setdefault("generation", 1)
        metadata["resourceVersion"] = str(next(self._versions))
        self._objects[f"{api_version}/{plural}", metadata.get("namespace", ""), metadata["name"]] = body
        return deepcopy(body)

    def at(self, api_version: str, plural: str, name: str, namespace: str = "") -> Object | None:
        """Return a stored object."""
        found = self._objects.get((f"{api_version}/{plural}", namespace, name))
        return deepcopy(found)

    def all(self, api_version: str, plural: str) -> list[Object]:
        """Return the stored objects of a kind."""
        return [deepcopy(one) for (kind, _, _), one in self._objects.items() if kind == f"{api_version}/{plural}"]

    def reports(self) -> list[Object]:
        """Return all OOMReports."""
        return self.all(API_VERSION, OOM_REPORTS)

    def refuse(self, status: int, method: str = "", part: str = "", *, times: int = 1_000_000, words: str = "") -> None:
        """Answer requests whose method and path contain these with a status."""
        left = [times]

        def refusal(asked: str, where: str) -> ApiError | None:
            if left[0] <= 0 or method not in asked or part not in where:
                return None
            left[0] -= 1
            return error_of(status, words or f"{asked} {where} is refused")

        self.refusals.append(refusal)

    def asked(self, method: str, part: str = "") -> int:
        """Return how many requests there were."""
        return sum(method == one and part in where for one, where in self.requests)

    # --- As ApiServer ---

    @property
    def silent_seconds(self) -> float:
        return self.silent

    async def status_of(self, where: str, **query: str) -> int:
        return 200

    async def watch(self, where: str, version: str) -> AsyncIterator[Object]:
        raise NotImplementedError("watches are tested over HTTP, see test_list_watch.py")
        yield {}

    async def close(self) -> None:
        pass

    async def _request(
        self,
        method: str,
        where: str,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
        brief: bool = False,
        through: Callable[[bytes], bytes] | None = None,
    ) -> Object:
        self.requests.append((method, where))
        for refusal in self.refusals:
            if error := refusal(method, where):
                raise error
        place, sent = where_of(where), json.loads(json.dumps(body or {}))
        if method == "GET":
            found = deepcopy(self._found(place) if place.name else self._list(place, query or {}))
            answer: Object = json.loads(through(json.dumps(found).encode())) if through else found
            return answer
        if method == "POST":
            return deepcopy(self._created(place, sent))
        if method == "DELETE":
            return self._deleted(place, sent.get("preconditions") or {})
        if "dryRun" in (query or {}):
            return deepcopy(self._found(place))
        patched = deepcopy(self._patched(place, sent, content_type))
        return {"metadata": patched["metadata"]} if brief else patched

    def _found(self, place: Where) -> Object:
        found = self._objects.get((place.kind, place.namespace, place.name))
        if found is None:
            raise error_of(404, f'{place.kind} "{place.name}" not found')
        return found

    def _list(self, place: Where, query: Mapping[str, str]) -> Object:
        items = [
            one
            for (kind, namespace, _), one in self._objects.items()
            if kind == place.kind and place.namespace in ("", namespace) and _selected(one, query)
        ]
        first, most = int(query.get("continue") or 0), int(query.get("limit") or len(items) or 1)
        metadata: Object = {"resourceVersion": "1"}
        if first + most < len(items):
            metadata["continue"] = str(first + most)
        return {"metadata": metadata, "items": items[first : first + most]}

    def _created(self, place: Where, body: Object) -> Object:
        if place.kind.endswith("selfsubjectaccessreviews"):
            attributes = body["spec"]["resourceAttributes"]
            asked = f"{attributes['verb']} {attributes['resource']}"
            return body | {"status": {"allowed": asked not in self.denied}}
        if place.kind.endswith("selfsubjectreviews"):
            return body | {"status": {"userInfo": {"username": self.account}}}
        if place.namespace in self.gone_namespaces:
            raise error_of(404, f'namespaces "{place.namespace}" not found')
        key = (place.kind, place.namespace, body["metadata"]["name"])
        if key in self._objects:
            raise error_of(409, "already exists", reason="AlreadyExists")
        return self.put(*place.kind.rsplit("/", 1), {**body, "metadata": _with_namespace(body, place)})

    def _deleted(self, place: Where, conditions: Mapping[str, str]) -> Object:
        metadata = self._found(place)["metadata"]
        if any(metadata[name] != value for name, value in conditions.items()):
            raise error_of(409, "the preconditions do not hold")
        del self._objects[place.kind, place.namespace, place.name]
        return {}

    def _patched(self, place: Where, body: Object, content_type: str) -> Object:
        is_apply = "apply-patch" in content_type
        if is_apply and not place.sub and (place.kind, place.namespace, place.name) not in self._objects:
            return self._created(place, body)
        found = self._found(place)
        metadata = body.get("metadata") or {}
        for name in ("resourceVersion", "uid"):
            if name in metadata and metadata[name] != found["metadata"][name]:
                raise error_of(409, "the object has been modified", reason="Conflict")
        if is_apply and body.get("spec", {}).get("workloadRef", found["spec"].get("workloadRef")) != found["spec"].get(
            "workloadRef"
        ):
            raise error_of(422, "workloadRef is immutable", reason="Invalid")
        before = deepcopy(found)
        if place.sub == "status":
            # The controller is the only writer of a status: what it does not apply any more goes.
            found["status"] = body["status"] if is_apply else _merged(found.get("status") or {}, body["status"])
        else:
            kept = {name: value for name, value in body.items() if name != "status"}
            merged = _strategic(found, kept) if "strategic" in content_type else _merged(found, kept)
            found.clear()
            found.update(merged)
        if found != before:
            found["metadata"]["resourceVersion"] = str(next(self._versions))
            if found.get("spec") != before.get("spec"):
                found["metadata"]["generation"] = before["metadata"]["generation"] + 1
        return found


def error_of(status: int, words: str, *, reason: str = "") -> ApiError:
    """Return the error that `ApiServer` raises for an answer."""
    return ApiError(f"HTTP {status}: {words}", status=status, reason=reason)


def pod_path(namespace: str, name: str) -> str:
    """Return the path of a pod."""
    return path("v1", "pods", namespace=namespace, name=name)


def _with_namespace(body: Object, place: Where) -> Object:
    return {**body["metadata"], **({"namespace": place.namespace} if place.namespace else {})}


def _selected(obj: Object, query: Mapping[str, str]) -> bool:
    labels = obj["metadata"].get("labels") or {}
    for term in filter(None, query.get("labelSelector", "").split(",")):
        name, _, value = term.partition("=")
        if labels.get(name) != value:
            return False
    for term in filter(None, query.get("fieldSelector", "").split(",")):
        field, _, value = term.partition("=")
        found: Any = obj
        for step in field.split("."):
            found = (found or {}).get(step)
        if (found or "") != value:
            return False
    return True


def _merged(into: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(into) if isinstance(into, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result


def _strategic(into: Any, patch: Any) -> Any:
    """Merge lists by the key `name`, as containers are."""
    if isinstance(patch, list) and isinstance(into, list):
        by_name = {one["name"]: one for one in into}
        return [
            *({**by_name, **{one["name"]: _strategic(by_name.get(one["name"], {}), one) for one in patch}}.values())
        ]
    if not isinstance(patch, dict):
        return patch
    result = dict(into) if isinstance(into, dict) else {}
    return {**result, **{name: _strategic(result.get(name), value) for name, value in patch.items()}}
