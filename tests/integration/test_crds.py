"""The CRDs on a real API server: what it takes, what it refuses, what kubectl shows of it."""

import json
import re
from collections.abc import Callable

import pytest

from integration.api_server import ADMIN, TIME, Object, RefusedError, record, report
from oomreport.api.oom_record import OOMRecord
from oomreport.api.oom_report import OOMReport
from oomreport.incident.oom_record import MOST_LOG_BYTES, MOST_VICTIMS
from oomreport.incident.witness.ledger import MOST_COUNTED

NODE = "crd-node"
VICTIM = {"pid": 212, "comm": "node", "oomScore": 1873, "anonRSSBytes": 55_271_424, "reaped": False}
LAST_KILL = {
    "time": TIME,
    "pod": "web-7d9c-x2x4z",
    "node": "worker-3",
    "verdict": "Confirmed",
    "cause": "ContainerLimit",
    "victim": VICTIM,
}
STATUS = {
    "kills": 12,
    "lastKillTime": TIME,
    "lastKill": LAST_KILL,
    "recommendation": {
        "action": "RaiseLimit",
        "memoryLimit": "320Mi",
        "previousLimit": "256Mi",
        "confidence": "High",
        "basis": "peak 256Mi",
    },
    "conditions": [
        {"type": "Reviewed", "status": "False", "reason": "Pending", "lastTransitionTime": TIME, "message": ""}
    ],
}

SHORT_NAMES = {"oomr": "oomreports", "oomrec": "oomrecords", "oomp": "oompolicies", "oomh": "oomhooks"}

Records = Callable[[], set[str]]


def created(one: Object) -> Object:
    """Create a record and return it as the API server stored it."""
    ADMIN.create(one)
    return ADMIN.get("oomrecord", one["metadata"]["name"])


def cells(text: str) -> list[list[str]]:
    """Return a table of kubectl, cell by cell; columns are two or more blanks apart."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]


def test_each_kind_is_established_without_a_complaint_about_its_schema_and_names(product: list[Object]) -> None:
    for plural in SHORT_NAMES.values():
        conditions = ADMIN.get("crd", f"{plural}.oomreport.dev")["status"]["conditions"]
        found = {condition["type"]: condition["status"] for condition in conditions}

        assert found["Established"] == "True"
        assert found["NamesAccepted"] == "True"
        assert found.get("NonStructuralSchema", "False") == "False"


def test_each_short_name_is_one_kinds_alone_in_the_whole_cluster(product: list[Object]) -> None:
    """Of two kinds with one name the API server takes the first, and people see the wrong table."""
    claimed: dict[str, list[str]] = {}
    for line in ADMIN.kubectl("api-resources", "--no-headers", "-o", "wide").splitlines():
        # NAME SHORTNAMES APIVERSION NAMESPACED KIND VERBS, the second empty where there are none.
        plural, *more = line.split()
        short = more[0].split(",") if more[1] not in ("true", "false") else []
        for name in (plural, *short, *(one.lower() for one in more if one.startswith("OOM"))):
            claimed.setdefault(name, []).append(plural)
    for short, plural in SHORT_NAMES.items():
        assert claimed[short] == [plural]
        listed = ADMIN.kubectl("get", "--raw", f"/apis/oomreport.dev/v1alpha1/{plural}")
        kind = str(json.loads(listed)["kind"]).removesuffix("List")
        assert f" {kind}\n" in ADMIN.kubectl("explain", short)
        ADMIN.kubectl("get", short, "-A")
        ADMIN.kubectl("get", kind.lower(), "-A")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("oomreports.status.lastKill.victim.oomScore", "on the scale that kernels before 5.1 printed"),
        ("oomreport.status.recommendation.inputs", "redo the sum"),
        ("oomr.spec.review.decision", "Pending Accepted Rejected"),
        ("oomrecord.spec.missing", "not printed"),
        ("oomrecords.spec.memory.stat", "memory.stat"),
    ],
)
def test_kubectl_explain_is_documentation(product: list[Object], path: str, words: str) -> None:
    assert words in " ".join(ADMIN.kubectl("explain", path).split())


def test_a_record_is_stored_as_it_was_sent(records: Records) -> None:
    full = record(
        NODE,
        kernelTimeMicroseconds=35_433_434,
        sequence={"first": 1942, "last": 2039},
        kernelRelease="6.12.107+deb13-cloud-amd64",
        constraint="CONSTRAINT_MEMCG",
        oomMemcg="/kubepods.slice",
        taskMemcg="/kubepods.slice/a.scope",
        triggerCpuset="cri-containerd-a.scope",
        trigger={"comm": "node", "pid": 212, "gfpMask": "0xcc0", "order": -1, "oomScoreAdj": 939},
        groupKill=True,
        noVictim=False,
        victims=[VICTIM],
        victimCount=1,
        memory={"usageBytes": 58_720_256, "limitBytes": 58_720_256, "stat": {"anon": 57_610_240}},
        tasks=[{"pid": 212, "comm": "node", "oomScore": -5}],
        taskCount=3,
        subject={"podUID": "9b02072e", "containerID": "7a" * 32, "runtime": "containerd", "qosClass": "Burstable"},
        usage={"startTime": TIME, "intervalSeconds": 2.5, "bytes": [1, 2]},
        subjectSource="TaskTable",
        subjectCandidates=["7a" * 32],
        missing=["Header", "TaskTable"],
        lostBefore=7,
        log="node invoked oom-killer\n",
    )

    stored = created(full)
    assert stored["spec"] == full["spec"]
    assert OOMRecord.model_validate(stored).as_json()["spec"] == full["spec"]


@pytest.mark.parametrize(
    "victim",
    [
        {"pid": 1, "comm": "".join(map(chr, range(32))) + "\x7f\\"},
        {"pid": 1, "comm": "\ufffd\ufffd) score 1"},
        {"pid": 1, "comm": ""},
        {"pid": 1, "comm": "x\u202e\U0001f600"},
        {"pid": 4_194_304, "comm": "x", "uid": 4_294_967_295},
        {"pid": 1, "oomScore": -(2**63), "oomScoreAdj": -1000, "totalVMBytes": 2**63 - 1},
        {"pid": 1, "oomScore": 2001, "oomScoreAdj": 1000, "anonRSSBytes": 0},
        {"pid": 1},
    ],
    ids=["control", "invalid-utf8", "empty", "unicode", "nobody", "least", "most", "bare"],
)
def test_whatever_the_kernel_prints_of_a_victim_is_stored(records: Records, victim: Object) -> None:
    assert created(record(NODE, victims=[victim]))["spec"]["victims"] == [{"reaped": False} | victim]


def test_the_largest_record_fits(records: Records) -> None:
    stat = {f"workingset_{n}": 2**62 + n for n in range(100)}
    log = "\ufffd" * (MOST_LOG_BYTES // 3)
    big = record(NODE, victims=[VICTIM | {"pid": n, "comm": "\ufffd" * 15} for n in range(MOST_VICTIMS)], log=log)
    big["spec"] |= {"memory": {"stat": stat}, "oomMemcg": "/" + "x" * 4095, "taskMemcg": "/" + "x" * 4095}

    assert len(created(big)["spec"]["victims"]) == MOST_VICTIMS


def test_a_null_is_the_same_as_nothing(records: Records) -> None:
    assert created(record(NODE, memory={"usageBytes": 1, "swapLimitBytes": None}))["spec"]["memory"] == {
        "usageBytes": 1
    }


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"scope": "Galaxy"}, "spec.scope: Unsupported value"),
        ({"source": None}, "spec.source: Required value"),
        ({"time": "yesterday"}, "spec.time"),
        ({"victims": [{"comm": "x"}]}, "spec.victims[0].pid: Required value"),
        ({"victims": [{"pid": 2**64}]}, "must be of type int64"),
        ({"missing": ["Header", "Header"]}, "spec.missing[1]: Duplicate value"),
        ({"tasks": [{"pid": n, "comm": "x"} for n in range(21)]}, "spec.tasks: Too many"),
        ({"log": "x" * (MOST_LOG_BYTES + 1)}, "spec.log: Too long"),
        ({"invented": 1}, 'unknown field "spec.invented"'),
    ],
)
def test_what_is_no_record_is_refused_with_the_fields_name(product: list[Object], spec: Object, complaint: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(complaint)):
        ADMIN.create(record(NODE, **spec))


def test_a_record_never_changes(records: Records) -> None:
    name = created(record(NODE, victims=[VICTIM]))["metadata"]["name"]

    changes: list[Object] = [{"scope": "Pod"}, {"victims": []}, {"log": "forged"}, {"time": None}, {"lostBefore": 1}]
    for change in changes:
        with pytest.raises(RefusedError, match="spec of an OOMRecord is immutable"):
            ADMIN.merge("oomrecord", name, {"spec": change})
    with pytest.raises(RefusedError, match="spec: Required value"):
        ADMIN.merge("oomrecord", name, {"spec": None})
    ADMIN.merge("oomrecord", name, {"metadata": {"labels": {"seen": "yes"}}})


def test_the_second_create_of_a_record_is_a_conflict_that_changes_nothing(records: Records) -> None:
    created(record(NODE, source="Kmsg"))

    with pytest.raises(RefusedError, match="AlreadyExists"):
        ADMIN.create(record(NODE, source="Syslog"))
    assert ADMIN.get("oomrecord", record(NODE)["metadata"]["name"])["spec"]["source"] == "Kmsg"


def test_what_became_of_a_record_is_written_beside_it(records: Records) -> None:
    status = {"usedTime": TIME, "outcome": "Counted", "reportRef": {"namespace": "shop", "name": "deployment-web-api"}}
    one = record(NODE) | {"status": status}

    name = created(one)["metadata"]["name"]
    assert "status" not in ADMIN.get("oomrecord", name)
    ADMIN.merge("oomrecord", name, {"status": status}, "--subresource=status")
    assert ADMIN.get("oomrecord", name)["status"] == status
    with pytest.raises(RefusedError, match=re.escape("status.outcome: Unsupported value")):
        ADMIN.merge("oomrecord", name, {"status": {"outcome": "Lost"}}, "--subresource=status")


def test_a_report_keeps_whose_it_is_and_takes_a_review(namespace: str) -> None:
    ADMIN.create(report("fixed", namespace))
    here = ("-n", namespace)

    assert ADMIN.get("oomreport", "fixed", *here)["spec"]["review"] == {
        "decision": "Pending",
        "reviewer": "",
        "note": "",
    }
    with pytest.raises(RefusedError, match="workloadRef is immutable"):
        ADMIN.merge("oomreport", "fixed", {"spec": {"workloadRef": {"name": "other"}}}, *here)
    with pytest.raises(RefusedError, match="container is immutable"):
        ADMIN.merge("oomreport", "fixed", {"spec": {"container": "other"}}, *here)
    with pytest.raises(RefusedError, match=re.escape("spec.workloadRef: Required value")):
        ADMIN.merge("oomreport", "fixed", {"spec": {"workloadRef": None}}, *here)
    with pytest.raises(RefusedError, match=re.escape("spec.review.decision: Unsupported value")):
        ADMIN.merge("oomreport", "fixed", {"spec": {"review": {"decision": "Perhaps"}}}, *here)
    ADMIN.merge("oomreport", "fixed", {"spec": {"review": {"decision": "Accepted", "reviewer": "ada"}}}, *here)
    assert ADMIN.get("oomreport", "fixed", *here)["spec"]["review"]["decision"] == "Accepted"


def test_the_controllers_apply_leaves_the_review_of_people_alone(namespace: str) -> None:
    here, controller = ("-n", namespace), ("--field-manager=oomreport-controller",)
    ADMIN.apply(report("applied", namespace), options=controller)
    ADMIN.merge("oomreport", "applied", {"spec": {"review": {"decision": "Rejected", "note": "a leak"}}}, *here)
    ADMIN.apply(report("applied", namespace), options=controller)
    ADMIN.apply(report("applied", namespace) | {"status": STATUS}, options=(*controller, "--subresource=status"))

    stored = ADMIN.get("oomreport", "applied", *here)
    assert stored["spec"]["review"]["decision"] == "Rejected"
    assert stored["status"]["lastKill"]["victim"] == VICTIM
    assert OOMReport.model_validate(stored).status is not None


def test_a_full_ledger_is_stored_and_one_more_is_refused(namespace: str) -> None:
    here = ("-n", namespace, "--subresource=status")
    kills = [
        {"id": f"{'x' * 52}-{n:010}", "containerID": "7a" * 32, "time": TIME, "verdict": "Confirmed"}
        for n in range(MOST_COUNTED + 1)
    ]
    ADMIN.create(report("ledger", namespace))

    ADMIN.merge("oomreport", "ledger", {"status": {"counted": kills[:-1], "settledBefore": TIME}}, *here)
    with pytest.raises(RefusedError, match=re.escape("status.counted: Too many")):
        ADMIN.merge("oomreport", "ledger", {"status": {"counted": kills}}, *here)
    with pytest.raises(RefusedError, match="Duplicate value"):
        ADMIN.merge("oomreport", "ledger", {"status": {"counted": [kills[0], kills[0]]}}, *here)


@pytest.mark.parametrize("limit", ["320Mi", 335544320])
def test_a_limit_is_a_quantity_or_a_number(namespace: str, limit: object) -> None:
    here = ("-n", namespace, "--subresource=status")
    ADMIN.create(report("limits", namespace))

    ADMIN.merge(
        "oomreport", "limits", {"status": {"recommendation": {"action": "RaiseLimit", "memoryLimit": limit}}}, *here
    )
    with pytest.raises(RefusedError, match=re.escape("status.recommendation.memoryLimit")):
        ADMIN.merge("oomreport", "limits", {"status": {"recommendation": {"memoryLimit": "320MB"}}}, *here)


def test_kubectl_get_shows_a_report_on_one_line(namespace: str) -> None:
    ADMIN.create(report("deployment-web-api", namespace))
    ADMIN.merge("oomr", "deployment-web-api", {"status": STATUS}, "-n", namespace, "--subresource=status")

    (head, row) = cells(ADMIN.kubectl("get", "oomr", "-n", namespace))
    assert head == [
        "NAME",
        "WORKLOAD",
        "CONTAINER",
        "VICTIM",
        "SCORE",
        "KILLS",
        "CAUSE",
        "LIMIT",
        "RECOMMENDED",
        "LAST",
    ]
    assert row[:-1] == ["deployment-web-api", "web", "api", "node", "1873", "12", "ContainerLimit", "256Mi", "320Mi"]
    assert re.fullmatch(r"(\d+[ydhms])+|<invalid>", row[-1])
    (head, row) = cells(ADMIN.kubectl("get", "oomreports", "-n", namespace, "-o", "wide"))
    fix = ["APPLIED", "RESOLVED", "MANAGED-BY"]
    assert head[10:] == ["VERDICT", "POD", "NODE", "ACTION", "CONFIDENCE", "REVIEW", *fix, "AGE"]
    assert row[10:16] == ["Confirmed", "web-7d9c-x2x4z", "worker-3", "RaiseLimit", "High", "Pending"]


def test_kubectl_get_shows_a_record_on_one_line_whatever_its_victim_calls_itself(records: Records) -> None:
    subject = {"namespace": "shop", "pod": "web-7d9c-x2x4z", "container": "api"}
    name = created(record(NODE, victims=[VICTIM], subject=subject))["metadata"]["name"]
    hostile = created(record(NODE, stamp_us=2, victims=[{"pid": 1, "comm": "a\nb\x1b[2J"}], subject=subject))

    (head, row) = cells(ADMIN.kubectl("get", "oomrecords", name))
    assert head == ["NAME", "NODE", "NAMESPACE", "POD", "CONTAINER", "VICTIM", "SCOPE", "SOURCE", "TIME"]
    assert row[:-1] == [name, NODE, "shop", "web-7d9c-x2x4z", "api", "node", "Container", "Kmsg"]
    shown = ADMIN.kubectl("get", "oomrecords", hostile["metadata"]["name"])
    assert len(shown.splitlines()) == 2
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("selector", "stamps"),
    [
        ("spec.nodeName=crd-other", {3}),
        ("spec.nodeName=crd-node,spec.scope=Pod", {2}),
        ("spec.nodeName=crd-node,spec.source!=Kmsg", {2}),
        ("spec.subject.pod=web,spec.subject.namespace=shop", {1}),
        ("spec.subject.podUID=uid-1", {1}),
        (f"spec.subject.containerID={'7a' * 32}", {1}),
        ("status.outcome=Counted", {2}),
        ("spec.nodeName=crd-node,status.outcome=", {1}),
    ],
)
def test_records_are_selected_by_fields(records: Records, selector: str, stamps: set[int]) -> None:
    subject = {"namespace": "shop", "pod": "web", "podUID": "uid-1", "containerID": "7a" * 32}
    made = {
        1: record(NODE, stamp_us=1, subject=subject),
        2: record(NODE, stamp_us=2, scope="Pod", source="Syslog"),
        3: record("crd-other", stamp_us=3),
    }
    ADMIN.create(*made.values())
    ADMIN.merge("oomrecord", made[2]["metadata"]["name"], {"status": {"outcome": "Counted"}}, "--subresource=status")

    found = ADMIN.names("oomrecords", f"--field-selector={selector}") & {
        one["metadata"]["name"] for one in made.values()
    }
    assert found == {made[stamp]["metadata"]["name"] for stamp in stamps}


@pytest.mark.parametrize(
    "selector",
    [
        "spec.workloadRef.kind=Deployment",
        "spec.workloadRef.name=web",
        "spec.container=api",
        "spec.review.decision=Pending",
        "status.lastKill.node=worker-3",
        "status.lastKill.verdict=Confirmed",
        "status.lastKill.cause=ContainerLimit",
        "status.recommendation.action=RaiseLimit",
    ],
)
def test_reports_are_selected_by_fields(namespace: str, selector: str) -> None:
    other = {"workloadRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "j"}, "container": "c"}
    ADMIN.create(report("one", namespace), report("two", namespace, **other, review={"decision": "Rejected"}))
    ADMIN.merge("oomr", "one", {"status": STATUS}, "-n", namespace, "--subresource=status")

    assert ADMIN.names("oomreports", "-n", namespace, f"--field-selector={selector}") == {"one"}
