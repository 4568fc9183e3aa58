"""The Job of an event, made from the hook's template.

It has the event in its environment and as a file.

A process's name is chosen by whoever runs it, and a Job's environment is read by shells: a variable's value is made of
letters, digits and `._:/+-` only and does not begin with a dash, so it is one harmless word also without quotes; other
characters are written `_`. The kubelet would expand `$(NAME)` in a value; no `$` is left. The file has everything as it
is.

The kubelet writes the file from an annotation of the pod (a downward API volume), so no other object has to be created
and none is left over. Annotations of an object have 256 KiB together.
"""

import copy
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oomreport.errors import OOMReportError
from oomreport.hooks.event import Event
from oomreport.incident.kill import Kill
from oomreport.names import API_VERSION, GROUP, OOM_HOOK, label_name
from oomreport.workload.owner import Workload
from oomreport.workload.quantity import format_quantity

ANNOTATION_EVENT = f"{GROUP}/event"
LABEL_HOOK, LABEL_EVENT_ID, LABEL_EVENT_TYPE = f"{GROUP}/hook", f"{GROUP}/event-id", f"{GROUP}/event-type"
EVENT_FOLDER, EVENT_FILE = "/var/run/oomreport", "event.json"
MOST_DOCUMENT = 60 * 1024
DAY_SECONDS = 86400
_PREFIX = "OOMREPORT_"
_VOLUME = "oomreport-event"
_MOST_VALUE = 253
_UNSAFE = re.compile(r"[^A-Za-z0-9._:/+-]", re.ASCII)
# A Job's name becomes a label of its pods: 63 characters, 20 of them the digest, one the dash before it.
_MOST_HOOK = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHook:
    """What of an OOMHook makes its Jobs."""

    namespace: str
    name: str
    uid: str
    template: Mapping[str, Any]
    service_account: str


class TemplateError(OOMReportError, ValueError):
    """No Job can be made of a template; the message says which field is wrong."""


def job_name(hook: str, event_id: str) -> str:
    """Return the name of the Job of an event: the same at each attempt, so that creating it twice is a no-op."""
    digest = hashlib.sha256(f"{hook}\0{event_id}".encode()).hexdigest()[:20]
    begin = hook.replace(".", "-")[:_MOST_HOOK].rstrip("-")
    return f"{begin}-{digest}"


def is_made_by_hooks(workload: Workload) -> bool:
    """Return whether a workload is the Jobs of an OOMHook: what happens to them starts no further ones."""
    return workload.group == GROUP and workload.kind == OOM_HOOK


def job_of(hook: JobHook, event: Event, document: str) -> dict[str, Any]:
    """Return the Job of an event; `document` is the event as JSON. Raises TemplateError.

    The OOMHook controls its Jobs: they go with it, and their own kills are one report, of the hook.
    """
    template, spec, pod, pod_spec = _parts(hook)
    labels = {
        "app.kubernetes.io/managed-by": "oomreport",
        LABEL_HOOK: hook.name if len(hook.name) <= 63 else label_name(hook.name),
        LABEL_EVENT_ID: event.id,
        LABEL_EVENT_TYPE: event.type.value,
    }
    owner = {"apiVersion": API_VERSION, "kind": OOM_HOOK, "name": hook.name, "uid": hook.uid, "controller": True}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            **_marked(template, labels, {}),
            "namespace": hook.namespace,
            "name": job_name(hook.name, event.id),
            "ownerReferences": [owner],
        },
        "spec": {
            "ttlSecondsAfterFinished": DAY_SECONDS,
            **spec,
            "template": {
                **pod,
                "metadata": _marked(pod, labels, {ANNOTATION_EVENT: document}),
                "spec": _pod_spec(pod_spec, hook.service_account, variables(event)),
            },
        },
    }


def checked(hook: JobHook) -> None:
    """Raise TemplateError where no Job can be made of a template, as far as that is known without the API server."""
    *_, pod_spec = _parts(hook)
    _pod_spec(pod_spec, hook.service_account, {})


def variables(event: Event) -> dict[str, str]:
    """Return the environment that a Job's containers get; what is not known is empty."""
    last, advice = event.status.last_kill, event.status.advice
    kill = event.kill or last or Kill()
    limit = format_quantity(kill.limit) if kill.limit is not None else None
    if limit is None and (last is None or kill.id == last.id):
        limit = advice.previous_limit
    values = {
        "EVENT_ID": event.id,
        "EVENT_TYPE": event.type.value,
        "EVENT_TIME": event.time.isoformat(),
        "NAMESPACE": event.namespace,
        "REPORT": event.report,
        "WORKLOAD_API_VERSION": event.workload.api_version,
        "WORKLOAD_KIND": event.workload.kind,
        "WORKLOAD_NAME": event.workload.name,
        "CONTAINER": event.container,
        "KILLS": event.status.kills,
        "POD": kill.pod,
        "NODE": kill.node,
        "CAUSE": kill.cause if kill.id else None,
        "VERDICT": kill.verdict,
        "VICTIM": kill.comm,
        "MEMORY_LIMIT": limit,
        "RECOMMENDED_ACTION": event.status.recommendation.action if event.status.recommendation else None,
        "RECOMMENDED_MEMORY_LIMIT": advice.memory_limit,
        "RECOMMENDED_MEMORY_REQUEST": advice.memory_request,
    }
    named = {_PREFIX + key: harmless(value) for key, value in values.items()}
    return {**named, f"{_PREFIX}EVENT_FILE": f"{EVENT_FOLDER}/{EVENT_FILE}"}


def harmless(value: object) -> str:
    """Return a value as one word that no shell, and no program that takes options, reads as anything else."""
    text = "" if value is None else _UNSAFE.sub("_", str(value)[:_MOST_VALUE])
    return "_" + text[1:] if text.startswith("-") else text


def _parts(hook: JobHook) -> tuple[Mapping[str, Any], ...]:
    """Return the template, its spec, the pod's template in that, and its spec."""
    template = _mapping(hook.template, "template")
    spec = _mapping(template.get("spec"), "template.spec")
    pod = _mapping(spec.get("template"), "template.spec.template")
    return template, spec, pod, _mapping(pod.get("spec"), "template.spec.template.spec")


def _pod_spec(spec: Mapping[str, Any], account: str, environment: Mapping[str, str]) -> dict[str, Any]:
    for key in ("serviceAccountName", "serviceAccount"):
        if spec.get(key, account) != account:
            named = f"template.spec.template.spec.{key} is {spec[key]}"
            raise TemplateError(f"{named}: it must be left out, or be spec.job.serviceAccountName ({account})")
    made = {key: copy.deepcopy(value) for key, value in spec.items() if key != "serviceAccount"}
    made["serviceAccountName"] = account
    made.setdefault("restartPolicy", "Never")
    for place in ("containers", "initContainers"):
        if place in made:
            found = _sequence(made[place], f"template.spec.template.spec.{place}")
            made[place] = [_container(one, environment) for one in found]
    source = {"path": EVENT_FILE, "fieldRef": {"fieldPath": f"metadata.annotations['{ANNOTATION_EVENT}']"}}
    volumes = _sequence(made.get("volumes") or [], "template.spec.template.spec.volumes")
    made["volumes"] = [*volumes, {"name": _VOLUME, "downwardAPI": {"items": [source]}}]
    return made


def _container(container: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return a container that knows of the event; ours come first, since a variable may use those before it only."""
    where = f"container {container.get('name')}"
    ours = [{"name": name, "value": value} for name, value in environment.items()]
    own = [one for one in _sequence(container.get("env") or [], f"{where}: env") if one.get("name") not in environment]
    mounts = _sequence(container.get("volumeMounts") or [], f"{where}: volumeMounts")
    mount = {"name": _VOLUME, "mountPath": EVENT_FOLDER, "readOnly": True}
    return {**container, "env": [*ours, *own], "volumeMounts": [*mounts, mount]}


def _marked(part: Mapping[str, Any], labels: Mapping[str, str], annotations: Mapping[str, str]) -> dict[str, Any]:
    """Return the metadata that a template gives, labels and annotations only, with ours."""
    metadata = _mapping(part.get("metadata") or {}, "metadata")
    made = {
        "labels": {**(metadata.get("labels") or {}), **labels},
        "annotations": {**(metadata.get("annotations") or {}), **annotations},
    }
    return {key: value for key, value in made.items() if value}


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TemplateError(f"{what} is not an object" if value is not None else f"{what} is missing")
    return value


def _sequence(value: object, what: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(one, Mapping) for one in value):
        raise TemplateError(f"{what} is not a list of objects")
    return value
