"""Hooks and what they refer to, as people write them."""

import base64
import secrets
from dataclasses import dataclass, field

from integration.controller.client import V1, Client, Object, eventually
from oomreport.adapters.cluster.api_server import path

QUICK_HOOKS = (
    "--hook-allow=127.0.0.0/8",
    "--hook-first-pause=100ms",
    "--hook-longest-pause=1s",
)


def new_key() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass
class HookShop:
    """Makes hooks in a namespace; `clean` removes them and what they refer to."""

    client: Client
    namespace: str
    made: list[str] = field(default_factory=list)

    def secret(self, name: str, *, grant: bool = True, **data: str) -> str:
        body: Object = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": self.namespace},
            "stringData": data,
        }
        self._put("v1", "secrets", body)
        if grant:
            self.grant("secrets", name)
        return name

    def config_map(self, name: str, **data: str) -> str:
        body: Object = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": self.namespace},
            "data": data,
        }
        self._put("v1", "configmaps", body)
        self.grant("configmaps", name)
        return name

    def grant(self, plural: str, name: str) -> None:
        """Let the controller read one object."""
        metadata = {"name": f"oomreport-{plural}-{name}", "namespace": self.namespace}
        rule = {"apiGroups": [""], "resources": [plural], "resourceNames": [name], "verbs": ["get"]}
        api = "rbac.authorization.k8s.io"
        self._put(
            f"{api}/v1", "roles", {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]}
        )
        account = {"kind": "ServiceAccount", "name": "oomreport-controller", "namespace": "oomreport-system"}
        binding: Object = {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": api, "kind": "Role", "name": metadata["name"]},
            "subjects": [account],
        }
        self._put(f"{api}/v1", "rolebindings", binding)

    def hook(self, name: str, *, events: tuple[str, ...] = ("OOMKilled",), **spec: object) -> str:
        """Create a hook; its name as deliveries hold it."""
        body: Object = {
            "apiVersion": V1,
            "kind": "OOMHook",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"events": [*events], **spec},
        }
        self._put(V1, "oomhooks", body)
        return f"{self.namespace}/{name}"

    def found(self, name: str) -> Object:
        return self.client.call("GET", self.where(name))

    def where(self, name: str) -> str:
        return path(V1, "oomhooks", namespace=self.namespace, name=name)

    def ready(self, name: str, reason: str = "Ready", *, seconds: float = 20) -> Object:
        """Wait until a hook's condition Ready has a reason; return the condition."""

        def look() -> Object | None:
            conditions = self.found(name).get("status", {}).get("conditions", [])
            one = next((one for one in conditions if one["type"] == "Ready"), None)
            assert (one or {}).get("reason") == reason, conditions
            return one

        return eventually(f"hook {name} is {reason}", look, seconds=seconds)

    def clean(self) -> None:
        for where in reversed(self.made):
            self.client.delete(where)

    def _put(self, api_version: str, plural: str, body: Object) -> None:
        metadata = body["metadata"]
        where = path(api_version, plural, namespace=metadata["namespace"], name=metadata["name"])
        self.client.delete(where)
        self.client.create(plural, body)
        self.made.append(where)
