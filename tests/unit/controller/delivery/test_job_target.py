"""A Job is created once for an event, and what keeps it from that is an answer."""

from typing import Any

import pytest

from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.hook_target import Due
from oomreport.controller.delivery.job_target import JobHookTarget
from oomreport.hooks.answer import Answer, Outcome
from support.api_server import MemoryApi
from support.controller import run
from support.evidence import after
from support.reports import event
from unit.controller.known.test_hooks import hook


def job_hook(**job: Any) -> OOMHook:
    pod = {"spec": {"containers": [{"name": "print", "image": "print"}], "restartPolicy": "Never"}}
    template = {"spec": {"template": pod}}
    spec = {"serviceAccountName": "collector", "template": template, **job}
    return OOMHook.model_validate(hook(webhook=None, job=spec))


def delivered(api: MemoryApi, one: OOMHook) -> Answer:
    due = Due(hook=one, event=event(), attempt=1, first_attempt=after(0))
    answer = run(JobHookTarget(api).deliver(due))
    assert isinstance(answer, Answer)
    return answer


def test_a_second_attempt_finds_the_job_of_the_first():
    api = MemoryApi()
    assert [delivered(api, job_hook()).outcome for _ in range(2)] == [Outcome.DELIVERED, Outcome.DELIVERED]
    (job,) = api.all("batch/v1", "jobs")
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == "collector"


def test_a_job_of_the_same_name_that_is_not_of_this_event_is_left_alone():
    api = MemoryApi()
    delivered(api, job_hook())
    (job,) = api.all("batch/v1", "jobs")
    job["metadata"]["labels"] = {}
    api.put("batch/v1", "jobs", job)
    assert delivered(api, job_hook()).outcome is Outcome.REFUSED


def test_the_controllers_own_account_is_refused():
    api = MemoryApi()
    api.account = "system:serviceaccount:shop:collector"
    answer = delivered(api, job_hook())
    assert answer.outcome is Outcome.REFUSED
    assert api.all("batch/v1", "jobs") == []


@pytest.mark.parametrize(
    ("status", "words", "outcome"),
    [
        (403, 'cannot create resource "jobs"', Outcome.RETRY),
        (422, "spec is invalid", Outcome.REFUSED),
        (503, "busy", Outcome.RETRY),
    ],
)
def test_a_refusal_of_the_api_server_is_an_answer(status: int, words: str, outcome: Outcome):
    api = MemoryApi()
    api.refuse(status, "POST", "/jobs", words=words)
    assert delivered(api, job_hook()).outcome is outcome


def test_a_right_that_is_missing_is_known_beforehand():
    api = MemoryApi()
    assert run(JobHookTarget(api).problem(job_hook())) is None
    api.denied.add("create jobs")
    reason, message = run(JobHookTarget(api).problem(job_hook()))
    assert reason == "NotGranted"
    assert "shop" in message
