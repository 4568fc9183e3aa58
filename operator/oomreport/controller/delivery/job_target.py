"""The Job that a hook runs for an event.

It is created once however often it is tried, in the hook's namespace, as the account that the hook names.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from oomreport.adapters.cluster.api_server import ApiServer, path, words_of
from oomreport.adapters.cluster.own_account import own_account
from oomreport.api.oom_hook import JobTargetSpec as JobSpec
from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.hook_target import Due
from oomreport.controller.known.access_review import NOT_GRANTED, is_granted
from oomreport.errors import ApiError
from oomreport.hooks.answer import Answer, Outcome
from oomreport.hooks.cloud_event import cloud_event
from oomreport.hooks.event import Event
from oomreport.hooks.job import LABEL_EVENT_ID, MOST_DOCUMENT, JobHook, TemplateError, checked, is_made_by_hooks, job_of

log = logging.getLogger(__name__)
# A right is granted by a person.
_UNTIL_GRANTED = timedelta(minutes=1)


def document_of(event: Event, *, cluster: str = "") -> str:
    """Return the CloudEvent that a webhook would get, as JSON of at most MOST_DOCUMENT bytes."""
    return cloud_event(event, cluster=cluster, most_bytes=MOST_DOCUMENT).decode()


class JobHookTarget:
    """Creates Jobs. `document` makes the file that their containers find."""

    def __init__(self, api: ApiServer, *, document: Callable[[Event], str] = document_of) -> None:
        self._api, self._document = api, document
        self._own: str | None = None

    async def deliver(self, due: Due) -> Answer:
        """Create the Job of an event, or find that it is there already."""
        spec, metadata, event = due.hook.spec.job, due.hook.metadata, due.event
        if spec is None:
            return Answer(outcome=Outcome.REFUSED, message="the hook has no job")
        if is_made_by_hooks(event.workload):
            words = "it happened to a Job of a hook: another Job could go on for ever"
            return Answer(outcome=Outcome.SKIPPED, message=words)
        try:
            if await self._is_own(metadata["namespace"], spec.service_account_name):
                words = f"serviceAccountName {spec.service_account_name} is the controller's own: a Job gets an account of its own"
                return Answer(outcome=Outcome.REFUSED, message=words)
            return await self._created(_hook(due.hook, spec), event)
        except TemplateError as error:
            return Answer(outcome=Outcome.REFUSED, message=str(error))
        except ApiError as error:
            return Answer(outcome=Outcome.RETRY, message=words_of(error))

    async def problem(self, hook: OOMHook) -> tuple[str, str] | None:
        """Return what keeps a hook from working: a template that is none, or a right that is missing."""
        spec, namespace = hook.spec.job, hook.metadata["namespace"]
        if spec is None:
            return None
        try:
            checked(_hook(hook, spec))
            if await is_granted(self._api, "create", "batch", "jobs", namespace=namespace):
                return None
        except TemplateError as error:
            return "TemplateInvalid", str(error)
        except ApiError as error:
            log.warning("cannot ask for the right to create Jobs", extra={"error": str(error)})
            return None
        return NOT_GRANTED, _not_granted(namespace)

    async def _created(self, hook: JobHook, event: Event) -> Answer:
        job = job_of(hook, event, self._document(event))
        name = job["metadata"]["name"]
        try:
            await self._api.create(path("batch/v1", "jobs", namespace=hook.namespace), job)
        except ApiError as error:
            if error.is_conflict and error.reason == "AlreadyExists":
                return await self._found(hook.namespace, name, event)
            return _refusal(error, hook.namespace)
        log.info("job created", extra={"job": f"{hook.namespace}/{name}", "event": event.id})
        return Answer(outcome=Outcome.DELIVERED, message=f"created Job {name}")

    async def _found(self, namespace: str, name: str, event: Event) -> Answer:
        found = await self._api.found(path("batch/v1", "jobs", namespace=namespace, name=name))
        if found is None:
            return Answer(outcome=Outcome.RETRY, message=f"Job {name} was there and is gone")
        labels = found["metadata"].get("labels") or {}
        if labels.get(LABEL_EVENT_ID) != event.id:
            return Answer(outcome=Outcome.REFUSED, message=f"Job {name} is there and not of this event")
        return Answer(outcome=Outcome.DELIVERED, message=f"Job {name} is there already")

    async def _is_own(self, namespace: str, account: str) -> bool:
        """Return whether this process runs as an account, as the API server knows it. Raises ApiError."""
        if self._own is None:
            self._own = await own_account(self._api)
        return self._own == f"system:serviceaccount:{namespace}:{account}"


def _not_granted(namespace: str) -> str:
    return f"the controller may not create Jobs in namespace {namespace}: grant it (docs/remediation.md)"


def _hook(hook: OOMHook, spec: JobSpec) -> JobHook:
    metadata = hook.metadata
    return JobHook(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        template=spec.template,
        service_account=spec.service_account_name,
    )


def _refusal(error: ApiError, namespace: str) -> Answer:
    """Return what the API server's refusal to create a Job means."""
    words = words_of(error)
    if error.is_forbidden and "cannot create resource" in words:
        return Answer(outcome=Outcome.RETRY, message=_not_granted(namespace), retry_after=_UNTIL_GRANTED)
    if error.is_invalid:
        return Answer(outcome=Outcome.REFUSED, message=words)
    return Answer(outcome=Outcome.RETRY, message=words)
