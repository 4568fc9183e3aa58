import re
import shlex
import subprocess
from typing import Any

import pytest
from hypothesis import example, given, strategies

from oomreport.hooks.event import Event, EventType
from oomreport.hooks.job import JobHook, TemplateError, harmless, is_made_by_hooks, job_name, job_of, variables
from oomreport.workload.owner import Workload
from support.reports import event, status


def job_hook(name: str = "restart", **pod: Any) -> JobHook:
    spec = {"containers": [{"name": "do", "image": "none"}], **pod}
    return JobHook(
        namespace="shop",
        name=name,
        uid="5e0c",
        template={"spec": {"backoffLimit": 2, "template": {"spec": spec}}},
        service_account="doer",
    )


def pod_of(hook: JobHook, what: Event | None = None) -> dict[str, Any]:
    found: dict[str, Any] = job_of(hook, what or event(), "{}")["spec"]["template"]
    return found


def test_a_job_gets_its_defaults_and_keeps_what_the_template_says() -> None:
    spec = job_of(job_hook(), event(), "{}")["spec"]

    assert (spec["ttlSecondsAfterFinished"], spec["backoffLimit"]) == (86400, 2)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["template"]["spec"]["serviceAccountName"] == "doer"
    own = job_hook()
    again = JobHook(
        namespace="shop",
        name="restart",
        uid="5e0c",
        template={**own.template, "spec": {**own.template["spec"], "ttlSecondsAfterFinished": 5}},
        service_account="doer",
    )
    assert job_of(again, event(), "{}")["spec"]["ttlSecondsAfterFinished"] == 5


def test_the_template_is_not_changed_by_making_a_job() -> None:
    hook = job_hook(volumes=[{"name": "tmp", "emptyDir": {}}])
    before = repr(hook)

    job_of(hook, event(), "{}")
    assert repr(hook) == before


def test_every_container_gets_the_event_first_so_that_its_own_variables_may_use_it() -> None:
    mine = [{"name": "WHO", "value": "$(OOMREPORT_POD)"}, {"name": "OOMREPORT_POD", "value": "forged"}]
    found = pod_of(job_hook(initContainers=[{"name": "first"}], containers=[{"name": "do", "env": mine}]))["spec"]

    for container in (*found["initContainers"], *found["containers"]):
        assert container["volumeMounts"][-1] == {
            "name": "oomreport-event",
            "mountPath": "/var/run/oomreport",
            "readOnly": True,
        }
    env = found["containers"][0]["env"]
    assert env[-1] == mine[0]
    assert [one["value"] for one in env if one["name"] == "OOMREPORT_POD"] == ["web-7d9c-x2x4z"]


def test_the_event_is_a_file_by_an_annotation_of_the_pod() -> None:
    hook = job_hook(volumes=[{"name": "tmp", "emptyDir": {}}])
    found = job_of(hook, event(), '{"id": 1}')["spec"]["template"]

    assert found["metadata"]["annotations"] == {"oomreport.dev/event": '{"id": 1}'}
    assert [volume["name"] for volume in found["spec"]["volumes"]] == ["tmp", "oomreport-event"]
    assert found["metadata"]["labels"]["oomreport.dev/event-id"] == event().id


def test_the_variables_tell_what_happened_to_whom() -> None:
    assert (
        variables(event()).items()
        >= {
            "OOMREPORT_EVENT_TYPE": "OOMKilled",
            "OOMREPORT_NAMESPACE": "shop",
            "OOMREPORT_WORKLOAD_KIND": "Deployment",
            "OOMREPORT_WORKLOAD_NAME": "web",
            "OOMREPORT_CONTAINER": "api",
            "OOMREPORT_CAUSE": "ContainerLimit",
            "OOMREPORT_VICTIM": "node",
            "OOMREPORT_KILLS": "12",
            "OOMREPORT_MEMORY_LIMIT": "64Mi",
            "OOMREPORT_RECOMMENDED_MEMORY_LIMIT": "128Mi",
        }.items()
    )


def test_what_is_not_known_is_empty_and_never_missing() -> None:
    known = variables(event())

    bare = variables(event(EventType.RESOLVED, occasion="2026-11-21T08:00:00Z", status_={}))
    assert bare.keys() == known.keys()
    assert bare["OOMREPORT_POD"] == bare["OOMREPORT_RECOMMENDED_MEMORY_LIMIT"] == ""


@given(strategies.text())
@example("$(PATH)")
@example("-rf")
@example("a b")
@example("*")
@example("~root")
def test_no_name_is_more_than_one_word_to_a_shell(text: str) -> None:
    word = harmless(text)

    assert re.fullmatch(r"[A-Za-z0-9._:/+-]{0,253}", word)
    assert not word.startswith("-")
    assert shlex.split(word) == ([word] if word else [])


def test_a_real_shell_takes_the_worst_name_as_one_word_without_quotes() -> None:
    word = variables(event(status_=status(kill={"victim": {"pid": 7, "comm": "`id`;$(id) *"}})))["OOMREPORT_VICTIM"]

    done = subprocess.run(
        ["sh", "-c", "printf '<%s>' $V"], capture_output=True, text=True, check=True, env={"V": word}, cwd="/"
    )
    assert done.stdout == "<_id____id___>"


@pytest.mark.parametrize("key", ["serviceAccountName", "serviceAccount"])
def test_a_template_names_no_other_account(key: str) -> None:
    with pytest.raises(TemplateError, match=f"{key} is admin: it must be left out"):
        job_of(job_hook(**{key: "admin"}), event(), "{}")
    spec = pod_of(job_hook(**{key: "doer"}))["spec"]
    assert spec["serviceAccountName"] == "doer"
    assert "serviceAccount" not in spec


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({}, "template.spec is missing"),
        ({"spec": 3}, "template.spec is not an object"),
        ({"spec": {"template": {}}}, "template.spec.template.spec is missing"),
        ({"spec": {"template": {"spec": {"containers": ["x"]}}}}, "containers is not a list of objects"),
        ({"spec": {"template": {"spec": {"containers": [{"name": "do", "env": "x"}]}}}}, "container do: env is not"),
    ],
)
def test_a_template_that_is_none_is_refused_with_the_field_that_is_wrong(template: dict[str, Any], words: str) -> None:
    hook = JobHook(namespace="shop", name="restart", uid="5e0c", template=template, service_account="doer")

    with pytest.raises(TemplateError, match=words):
        job_of(hook, event(), "{}")


@given(strategies.from_regex(r"[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?", fullmatch=True), strategies.uuids())
def test_a_jobs_name_is_a_label_and_the_same_each_time(hook: str, event_id: object) -> None:
    name = job_name(hook, str(event_id))

    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)
    assert len(name) <= 63
    assert name == job_name(hook, str(event_id))
    assert name != job_name(hook, f"{event_id}x")
    assert name != job_name(f"{hook}x", str(event_id))


def test_the_jobs_of_a_hook_are_told_from_every_other_workload() -> None:
    assert is_made_by_hooks(Workload(api_version="oomreport.dev/v1alpha1", kind="OOMHook", name="restart"))
    assert not is_made_by_hooks(Workload(api_version="batch/v1", kind="Job", name="restart"))
