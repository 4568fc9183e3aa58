"""What `oomreport doctor` says of installations that are broken, each in one way."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oomreport.api.oom_report import OOMReportStatus
from oomreport.cli.reports.doctor.check_result import CheckResult, Level
from oomreport.cli.reports.doctor.command import told
from oomreport.cli.reports.doctor.installation import STATUS_FIELDS, examined
from oomreport.errors import ApiError
from oomreport.times import rfc3339

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SYSTEM, AGENTS = "oomreport-system", "oomreport-agent"
IMAGE = "ghcr.io/oomreport/oomreport:0.1.0"
GROUP = "/apis/oomreport.dev/v1alpha1"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/oomreports.oomreport.dev"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/oomreport-controller"
NODE_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
POLICY = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments controller"
DAEMON_SETS = f"/apis/apps/v1/namespaces/{AGENTS}/daemonsets agent"
STATUS_PAGE = f"/api/v1/namespaces/{AGENTS}/pods/agent-1:8081/proxy/status"
CONTROLLERS = f"/api/v1/namespaces/{SYSTEM}/pods controller"
AGENT_PODS = f"/api/v1/namespaces/{AGENTS}/pods agent"
EVENTS = f"/api/v1/namespaces/{AGENTS}/events"


def pod(name: str, namespace: str, *, ready: bool = True, node: str = "n1", **container: Any) -> dict[str, Any]:
    state = container or {"running": {}}
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"nodeName": node, "containers": [{"image": IMAGE}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"state": state}],
        },
    }


def healthy() -> dict[str, Any]:
    """The answers of a cluster where all is well, by path and, of pods, component."""
    fields = {one.alias or name: {} for name, one in OOMReportStatus.model_fields.items()}
    schema = {"openAPIV3Schema": {"properties": {"status": {"properties": fields}}}}
    kinds = ("oomrecords", "oomreports", "oompolicies", "oomhooks")
    return {
        "/version": {"major": "1", "minor": "36+"},
        GROUP: {"resources": [{"name": kind} for kind in kinds]},
        CRD: {"spec": {"versions": [{"schema": schema}]}},
        CONTROLLERS: {"items": [pod("controller-1", SYSTEM)]},
        LEASE: {"spec": {"holderIdentity": "controller-1", "renewTime": rfc3339(NOW)}},
        AGENT_PODS: {"items": [pod("agent-1", AGENTS)]},
        "/api/v1/nodes": {"items": [{"metadata": {"name": "n1", "labels": {"kubernetes.io/os": "linux"}}}]},
        f"/api/v1/namespaces/{AGENTS}": {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
        EVENTS: {"items": []},
        f"/api/v1/namespaces/{SYSTEM}/events": {"items": []},
        f"{GROUP}/oomrecords": {"items": []},
        f"{GROUP}/oompolicies": {"items": []},
        f"{GROUP}/oomreports": {"items": []},
        **{
            f"{POLICY}/{name}": {"spec": {"expression": f"request.userInfo.username == '{user}'"}}
            for name, user in (
                ("oomreport-agent-own-node", f"system:serviceaccount:{AGENTS}:oomreport-agent"),
                ("oomreport-controller-annotates-only", f"system:serviceaccount:{SYSTEM}:oomreport-controller"),
            )
        },
        **{
            f"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/{name}": {}
            for name in ("oomreport-agent-own-node", "oomreport-controller-annotates-only")
        },
        DEPLOYMENTS: {"items": [{"spec": {"replicas": 1}}]},
        DAEMON_SETS: {"items": [{"spec": {}, "status": {"desiredNumberScheduled": 1}}]},
        STATUS_PAGE: {"problems": [], "warnings": []},
        NODE_LEASES: {"items": [{"metadata": {"name": "n1"}, "spec": {"renewTime": rfc3339(NOW)}}]},
    }


@dataclass
class Answers:
    """An API server that answers from a table."""

    known: dict[str, Any] = field(default_factory=healthy)
    forbidden: set[str] = field(default_factory=set)

    def get(self, path: str, **query: str) -> dict[str, Any]:
        component = query.get("labelSelector", "").rpartition("=")[2]
        answer = self.known.get(f"{path} {component}".strip())
        if answer is None:
            raise ApiError(f"{path}: Not Found", status=404, reason="Not Found")
        if isinstance(answer, ApiError):
            raise answer
        return deepcopy(answer)

    def page(self, namespace: str, pod: str, port: int, name: str) -> dict[str, Any]:
        return self.get(f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/{name}")

    def log(self, namespace: str, pod: str, lines: int) -> list[str]:
        raise ApiError("pods/log is forbidden", status=403, reason="Forbidden")

    def allowed(self, user: str, *, verb: str, group: str, resource: str, namespace: str) -> bool:
        return f"{user.rpartition(':')[2]} {verb} {resource}" not in self.forbidden

    def now(self) -> datetime:
        return NOW


def bad(answers: Answers) -> list[CheckResult]:
    return [one for one in examined(answers, SYSTEM, AGENTS, own=lambda: NOW) if one.level is not Level.GOOD]


def test_nothing_is_said_against_an_installation_that_works():
    assert bad(Answers()) == []
    assert told(examined(Answers(), SYSTEM, AGENTS, own=lambda: NOW)).endswith(
        "Nothing keeps kills from becoming reports.\n"
    )


def no_crds(answers: Answers) -> None:
    del answers.known[GROUP]


def old_crds(answers: Answers) -> None:
    status = answers.known[CRD]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    del status["properties"]["lastSilentKillTime"]


def no_controller(answers: Answers) -> None:
    answers.known[CONTROLLERS] = {"items": []}


def image_that_cannot_be_pulled(answers: Answers) -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "not found"}
    answers.known[CONTROLLERS] = {"items": [pod("controller-1", SYSTEM, ready=False, waiting=waiting)]}


def controller_scaled_to_none(answers: Answers) -> None:
    answers.known[CONTROLLERS] = {"items": []}
    answers.known[DEPLOYMENTS]["items"][0]["spec"]["replicas"] = 0


def controller_elsewhere(answers: Answers) -> None:
    answers.known[CONTROLLERS] = answers.known[DEPLOYMENTS] = {"items": []}
    answers.known["/apis/apps/v1/deployments controller"] = {"items": [{"metadata": {"namespace": "oom"}}]}


def controller_without_memory(answers: Answers) -> None:
    broken = pod("controller-1", SYSTEM, ready=False, waiting={"reason": "CrashLoopBackOff", "message": "back-off"})
    ended = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    broken["status"]["containerStatuses"][0] |= {"lastState": ended, "restartCount": 7}
    answers.known[CONTROLLERS] = {"items": [broken]}


def stale_lease(answers: Answers) -> None:
    answers.known[LEASE]["spec"]["renewTime"] = rfc3339(NOW - timedelta(minutes=3))


def missing_right(answers: Answers) -> None:
    answers.forbidden = {"oomreport-controller patch oomreports/status"}


def agent_without_right(answers: Answers) -> None:
    answers.forbidden = {"oomreport-agent create oomrecords"}


def no_agents(answers: Answers) -> None:
    answers.known[AGENT_PODS] = {"items": []}
    labels = answers.known[f"/api/v1/namespaces/{AGENTS}"]["metadata"]["labels"]
    labels["pod-security.kubernetes.io/enforce"] = "baseline"
    message = 'pods "oomreport-agent-x" is forbidden: violates PodSecurity "baseline"'
    answers.known[EVENTS] = {"items": [{"reason": "FailedCreate", "message": message}]}


def agents_that_fit_no_node(answers: Answers) -> None:
    answers.known[AGENT_PODS] = {"items": []}
    template = {"spec": {"nodeSelector": {"pool": "memory"}}}
    answers.known[DAEMON_SETS] = {"items": [{"spec": {"template": template}, "status": {"desiredNumberScheduled": 0}}]}


def no_daemon_set(answers: Answers) -> None:
    answers.known[AGENT_PODS] = answers.known[DAEMON_SETS] = {"items": []}


def agent_without_names(answers: Answers) -> None:
    answers.known[STATUS_PAGE] = {"problems": [], "warnings": ["--log-root: /var/log/pods is missing"]}


def agent_that_is_cut_off(answers: Answers) -> None:
    answers.known[STATUS_PAGE] = ApiError("timed out")


def no_lease_right(answers: Answers) -> None:
    answers.forbidden = {"oomreport-controller create leases"}


def no_admission_policy(answers: Answers) -> None:
    del answers.known[f"{POLICY}/oomreport-agent-own-node"]


def admission_policy_of_another_namespace(answers: Answers) -> None:
    answers.known[f"{POLICY}/oomreport-controller-annotates-only"] = {"spec": {"expression": "'system:x'"}}


def blind_agent(answers: Answers) -> None:
    answers.known[AGENT_PODS] = {"items": [pod("agent-1", AGENTS, ready=False)]}
    words = {"problems": ["CAP_SYSLOG is missing and kernel.dmesg_restrict is 1"]}
    answers.known[STATUS_PAGE] = words


def mount_that_fails(answers: Answers) -> None:
    answers.known[AGENT_PODS] = {
        "items": [pod("agent-1", AGENTS, ready=False, waiting={"reason": "ContainerCreating"})]
    }
    answers.known[EVENTS] = {"items": [{"reason": "FailedMount", "message": "hostPath type check failed"}]}


def node_without_agent(answers: Answers) -> None:
    answers.known["/api/v1/nodes"]["items"].append({"metadata": {"name": "n2"}})


def records_that_wait(answers: Answers) -> None:
    old = {"metadata": {"creationTimestamp": rfc3339(NOW - timedelta(minutes=10))}}
    answers.known[f"{GROUP}/oomrecords"] = {"items": [old, old]}


def two_images(answers: Answers) -> None:
    answers.known[AGENT_PODS]["items"][0]["spec"]["containers"][0]["image"] = "ghcr.io/oomreport/oomreport:0.0.9"


def clock_ahead(answers: Answers) -> None:
    answers.known[NODE_LEASES]["items"][0]["spec"]["renewTime"] = rfc3339(NOW + timedelta(seconds=90))


def old_kubernetes(answers: Answers) -> None:
    answers.known["/version"] = {"major": "1", "minor": "29"}


@pytest.mark.parametrize(
    ("breaks", "level", "words"),
    [
        (no_crds, Level.PROBLEM, "does not serve oomrecords, oomreports, oompolicies, oomhooks"),
        (old_crds, Level.WARNING, "older than this command: status.lastSilentKillTime missing"),
        (no_controller, Level.PROBLEM, "no pod in namespace oomreport-system"),
        (image_that_cannot_be_pulled, Level.PROBLEM, "controller-1 is not ready: ImagePullBackOff not found"),
        (controller_scaled_to_none, Level.PROBLEM, "oomreport-system; the Deployment has 0 replicas"),
        (controller_elsewhere, Level.PROBLEM, "there is no Deployment there, but there is one in oom"),
        (controller_without_memory, Level.PROBLEM, "it ended 7 times, last with OOMKilled, exit code 137"),
        (agents_that_fit_no_node, Level.PROBLEM, "wants a pod on no node: its node selector (pool=memory)"),
        (no_daemon_set, Level.PROBLEM, "there is no DaemonSet"),
        (agent_without_names, Level.WARNING, "node n1: --log-root: /var/log/pods is missing"),
        (agent_that_is_cut_off, Level.UNKNOWN, "as where a NetworkPolicy lets nobody in"),
        (no_lease_right, Level.PROBLEM, "may not create leases in oomreport-system"),
        (no_admission_policy, Level.WARNING, "oomreport-agent-own-node, or its binding, is missing"),
        (admission_policy_of_another_namespace, Level.WARNING, "annotates-only does not name system:serviceaccount"),
        (stale_lease, Level.PROBLEM, "the lease of controller-1 was not renewed since"),
        (missing_right, Level.PROBLEM, "may not patch oomreports/status"),
        (agent_without_right, Level.PROBLEM, "may not create oomrecords"),
        (no_agents, Level.PROBLEM, 'violates PodSecurity "baseline"; its Pod Security level baseline forbids'),
        (blind_agent, Level.PROBLEM, "agent-1 on n1: CAP_SYSLOG is missing"),
        (mount_that_fails, Level.PROBLEM, "FailedMount: hostPath type check failed"),
        (node_without_agent, Level.WARNING, "node n2 has none"),
        (records_that_wait, Level.PROBLEM, "2 wait for the controller, the oldest since"),
        (two_images, Level.WARNING, "controller and agents run different images"),
        (clock_ahead, Level.PROBLEM, "nodes ahead of the API server: n1 by 90 s"),
        (old_kubernetes, Level.PROBLEM, "1.29 is older than 1.32"),
    ],
)
def test_a_broken_installation_is_told_by_what_is_broken(breaks: Callable[[Answers], None], level: Level, words: str):
    answers = Answers()
    breaks(answers)
    found = bad(answers)
    assert [one for one in found if one.level is level and words in one.words], found
    # One thing is broken, so no other check cries with it.
    assert len({one.check for one in found}) == 1
    assert all(one.todo for one in found if one.level is Level.PROBLEM)


def test_what_may_not_be_asked_is_named_and_the_other_checks_go_on():
    answers = Answers()
    answers.known[NODE_LEASES] = ApiError("leases: forbidden", status=403)
    answers.known[f"{GROUP}/oomrecords"] = ApiError("oomrecords: forbidden", status=403)
    assert [(one.check, one.level) for one in bad(answers)] == [
        ("records", Level.UNKNOWN),
        ("clocks", Level.UNKNOWN),
    ]


def test_a_machine_whose_clock_is_wrong_is_told_that_ages_are_wrong_here():
    found = examined(Answers(), SYSTEM, AGENTS, own=lambda: NOW - timedelta(minutes=2))
    assert [one.words for one in found if one.level is Level.WARNING] == [
        "this machine's differs from the API server's by 120 s: ages are wrong here"
    ]


def test_the_fields_that_are_looked_for_are_those_of_the_api() -> None:
    assert set(STATUS_FIELDS) == {one.alias or name for name, one in OOMReportStatus.model_fields.items()}


def test_answers_that_take_long_are_no_difference_of_clocks():
    times = iter((NOW - timedelta(seconds=20), NOW + timedelta(seconds=20)))
    found = examined(Answers(), SYSTEM, AGENTS, own=lambda: next(times))
    assert {one.level for one in found if one.check == "clocks"} == {Level.GOOD}
