"""Every request that the product can make, the right it needs, and the table of docs/security.md say the same."""

import re
from collections import defaultdict
from pathlib import Path

import yaml

from support.api_calls import places

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text()
Rights = dict[str, set[str]]
_ROW = re.compile(r"^\| ([\w' -]+) \| ([\w./]+) \| ([a-z ]+) \|", re.MULTILINE)
_SCALED = (
    "apps/deployments/scale",
    "apps/statefulsets/scale",
    "apps/replicasets/scale",
    "apps/daemonsets",
    "batch/jobs",
)
_WORKLOADS = (
    "pods", "apps/deployments", "apps/statefulsets", "apps/daemonsets", "apps/replicasets", "batch/jobs", "batch/cronjobs",
)  # fmt: skip
# What the resource or the verb is, where it is not said at the place where the path is made.
OPEN: dict[str, Rights] = {
    "lease.py": {"coordination.k8s.io/leases": {"create", "get", "update"}},
    "resize_target.py": {"pods": {"get"}, "pods/resize": {"patch"}},
    "webhook_target.py": {"secrets": {"get"}, "configmaps": {"get"}},
    "managers.py": {resource: {"get"} for resource in _WORKLOADS},
    "owner_labels.py": {resource: {"get"} for resource in _WORKLOADS},
    "owners.py": {"apps/replicasets": {"get"}, "batch/jobs": {"get"}},
    "surroundings.py": {resource: {"get"} for resource in _SCALED},
    "namespace_bounds.py": {"limitranges": {"list", "watch"}, "resourcequotas": {"list", "watch"}},
    # Followed by Kopf, or from constants.
    "watch.py": {"pods": {"list", "watch"}, "oomreport.dev/oomrecords": {"list", "watch"}},
    "registry.py": {"oomreport.dev/oomhooks": {"list", "watch"}},
    "policies.py": {"oomreport.dev/oompolicies": {"list", "watch"}},
}
# Server-side apply of what is not there yet creates it.
APPLIED = {"oomreport.dev/oomreports": {"create"}}


def in_table(*who: str) -> Rights:
    found: Rights = defaultdict(set)
    for name, resource, verbs in _ROW.findall(TEXT):
        if not who or name in who:
            found[resource] |= set(verbs.split())
    return dict(found)


def in_code() -> Rights:
    """Return what the controller asks for, by the source."""
    found: Rights = defaultdict(set)
    for place in places():
        is_open = place.resource is None or place.group is None or not place.verbs
        file = Path(place.file).name
        assert not is_open or file in OPEN, f"{place.file}:{place.line}: nothing says which request this is; see OPEN"
        if not is_open:
            found[f"{place.group}/{place.resource}" if place.group else str(place.resource)] |= place.verbs
    for rights in (*OPEN.values(), APPLIED):
        for resource, verbs in rights.items():
            found[resource] |= verbs
    return dict(found)


def in_manifests(*files: str) -> Rights:
    found: Rights = defaultdict(set)
    for name in files:
        for one in yaml.safe_load_all((ROOT / "manifests" / "base" / name).read_text()):
            for rule in one.get("rules", ()) if one else ():
                for group in rule["apiGroups"]:
                    for resource in rule["resources"]:
                        found[f"{group}/{resource}" if group else resource] |= set(rule["verbs"])
    return dict(found)


def test_every_request_in_the_source_is_in_the_table() -> None:
    table = in_table("controller", "hook-jobs", "hook-resize", "hook's namespace", "everybody")
    missing = {resource: verbs - table.get(resource, set()) for resource, verbs in in_code().items()}
    assert not {resource: verbs for resource, verbs in missing.items() if verbs}


def test_every_right_in_the_table_is_used_by_the_source() -> None:
    code = in_code()
    table = in_table("controller", "hook-jobs", "hook-resize", "hook's namespace", "everybody")
    idle = {resource: verbs - code.get(resource, set()) for resource, verbs in table.items()}
    assert not {resource: verbs for resource, verbs in idle.items() if verbs}


def test_the_table_says_what_the_manifests_grant() -> None:
    assert in_table("controller") == in_manifests("rbac-controller.yaml")
    assert in_table("agent") == in_manifests("rbac-agent.yaml")
    assert in_table("hook-jobs", "hook-resize") == in_manifests("rbac-hooks.yaml")


def test_what_the_table_names_is_there() -> None:
    policies = "".join(path.read_text() for path in (ROOT / "manifests" / "base").glob("admission*.yaml"))
    for name in re.findall(r"`(oomreport-(?:agent|controller|hooks|people)-[\w-]+)`", TEXT):
        assert f"name: {name}\n" in policies, name
    for path in re.findall(r"`(tests/[\w/.]+)`", TEXT):
        assert (ROOT / path).exists(), path
