"""What `recommend`, `export`, `list` and `show` print of reports in a file."""

import io
import json
import sys
from pathlib import Path

import pytest
import yaml

from oomreport.cli.main import main
from oomreport.cli.reports.markdown import code, escaped
from support.checkout import BASIS, Object, a_list, a_report

ARGO = {
    "tool": "ArgoCD",
    "name": "web",
    "namespace": "argocd",
    "kind": "Application",
    "fieldManager": "argocd-controller",
}


@pytest.fixture
def ran(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run a command on reports in a file; its status, output and errors."""

    def run(command: str, reports: list[Object] | str, *options: str) -> tuple[int, str, str]:
        file = tmp_path / "reports.yaml"
        file.write_text(reports if isinstance(reports, str) else a_list(*reports))
        status = main([command, *options, "--reports", str(file)])
        done = capsys.readouterr()
        return status, done.out, done.err

    return run


def test_the_table_has_a_row_for_each_recommendation(ran):
    reports = [
        a_report("web", request="300Mi"),
        a_report("leaky", action="FixLeak", limit=None),
        a_report("idle", action="None"),
    ]
    status, out, _ = ran("recommend", reports)
    rows = [line.split() for line in out.splitlines()]
    assert status == 0
    assert rows[0][:5] == ["NAMESPACE", "WORKLOAD", "CONTAINER", "ACTION", "LIMIT"]
    assert [row[1] for row in rows[1:]] == ["Deployment/leaky", "Deployment/web"]
    assert rows[2][3:9] == ["RaiseLimit", "256Mi", "480Mi", "300Mi", "High", "3"]
    assert rows[2][-1] == "Pending"
    _, wide, _ = ran("recommend", [a_report("web", managedBy=ARGO)], "-o", "wide")
    assert "ArgoCD argocd/web" in wide
    assert BASIS in wide


def test_the_exit_code_tells_of_open_recommendations_only_where_it_is_asked_for(ran):
    applied = [
        {
            "type": "Applied",
            "status": "True",
            "reason": "x",
            "message": "",
            "lastTransitionTime": "2026-11-20T20:21:07Z",
        }
    ]
    for report, status in (
        (a_report("web"), 1),
        (a_report("web", review={"decision": "Accepted"}), 1),
        (a_report("web", review={"decision": "Rejected"}), 0),
        (a_report("web", conditions=applied), 0),
        (a_report("web", action="FixLeak", limit=None), 0),
        (a_report("web", action="None", limit=None), 0),
    ):
        assert ran("recommend", [report], "--exit-code")[0] == status
        assert ran("recommend", [report])[0] == 0


def test_a_resize_in_place_keeps_the_recommendation_open(ran):
    one = a_report("web", conditions=[{"type": "Applied", "status": "True", "reason": "ResizedInPlace"}])
    status, out, _ = ran("recommend", [one], "--exit-code")
    assert status == 1
    assert "Pending" in out


def test_the_markdown_says_what_a_request_was_and_what_is_applied_already(ran):
    inputs = [{"name": "request", "value": "64Mi", "source": "pod"}]
    one = a_report("web", request="120Mi", conditions=[{"type": "Applied", "status": "True", "reason": "Raised"}])
    one["status"]["recommendation"]["inputs"] = inputs
    _, out, _ = ran("recommend", [one], "-o", "markdown")
    (row,) = [line for line in out.splitlines() if line.startswith("| `shop`")]
    assert "| 256Mi → **480Mi** | 64Mi → **120Mi** |" in row
    assert row.endswith("| Applied |")


def test_accepted_only_leaves_the_others_out(ran):
    reports = [a_report("web"), a_report("db", review={"decision": "Accepted"})]
    _, out, _ = ran("recommend", reports, "--accepted-only", "-o", "json")
    assert [one["workloadRef"]["name"] for one in json.loads(out)["items"]] == ["db"]


def test_json_and_yaml_hold_the_evidence(ran):
    finding = {"rule": "PageCacheIsNotTheCause", "severity": "Info", "message": "of it"}
    report = a_report("web", findings=[finding], managedBy=ARGO)
    ours = json.loads(ran("recommend", [report], "-o", "json")[1])
    assert ours == yaml.safe_load(ran("recommend", [report], "-o", "yaml")[1])
    (item,) = ours["items"]
    assert (item["findings"], item["basis"], item["managedBy"]) == ([finding], BASIS, ARGO)
    assert (item["previousLimit"], item["memoryLimit"], item["verdict"]) == ("256Mi", "480Mi", "Confirmed")


def test_patches_put_the_containers_of_a_workload_together(ran):
    reports = [
        a_report("web", request="300Mi"),
        a_report("web", container="proxy", limit="96Mi"),
        a_report("job", kind="CronJob", action="RaisePodLimit", limit="2Gi"),
        a_report("need", action="RaiseRequest", limit=None, request="64Mi"),
        a_report("no", review={"decision": "Rejected"}),
    ]
    found = {
        one["metadata"]["name"]: one for one in yaml.safe_load_all(ran("recommend", reports, "-o", "patch")[1]) if one
    }
    assert set(found) == {"web", "job", "need"}
    assert found["web"]["spec"]["template"]["spec"]["containers"] == [
        {"name": "api", "resources": {"limits": {"memory": "480Mi"}, "requests": {"memory": "300Mi"}}},
        {"name": "proxy", "resources": {"limits": {"memory": "96Mi"}}},
    ]
    pod = found["job"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod == {"resources": {"limits": {"memory": "2Gi"}}}
    need = found["need"]["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert need == {"requests": {"memory": "64Mi"}}
    component = yaml.safe_load(ran("recommend", reports, "-o", "kustomize")[1])
    assert component["kind"] == "Component"
    assert [yaml.safe_load(one["patch"]) for one in component["patches"]] == [found["job"], found["need"], found["web"]]


def test_values_are_put_where_the_annotation_says(ran):
    mapped = a_report("web", annotations={"values.oomreport.dev/api": "charts/web.yaml#web.resources"})
    _, out, _ = ran("recommend", [mapped, a_report("db")], "-o", "values")
    documents = list(yaml.safe_load_all(out))
    assert {"web": {"resources": {"limits": {"memory": "480Mi"}}}} in documents
    assert {"resources": {"limits": {"memory": "480Mi"}}} in documents
    assert "# charts/web.yaml\n" in out
    assert "# shop Deployment/db container api (no annotation" in out


def test_the_pull_request_has_the_evidence_of_each_number(ran):
    finding = {"rule": "LimitBelowHeap", "severity": "Warning", "message": "the heap may grow to 300Mi"}
    kill = {
        "id": "a",
        "time": "2026-11-20T20:21:07Z",
        "pod": "web-1",
        "verdict": "Confirmed",
        "cause": "ContainerLimit",
        "limitBytes": 268_435_456,
    }
    report = a_report(
        "web",
        request="300Mi",
        findings=[finding],
        managedBy=ARGO,
        recentKills=[kill, kill | {"id": "b"}],
        review={"decision": "Accepted", "reviewer": "ada", "note": "go"},
    )
    _, out, _ = ran("recommend", [report, a_report("leaky", action="FixLeak", limit=None)], "-o", "markdown")
    assert "| `shop` | `Deployment/web` | `api` | 256Mi → **480Mi** | → **300Mi** | High | 3 | Accepted by ada |" in out
    for words in (
        "the container's limit fired at 256Mi \\(as the kernel printed it\\); kills so far: 3, raises seen: 0.",
        "cause ContainerLimit, verdict Confirmed; process `node`, holding 52.7 MiB; limit 256 MiB",
        "**Warning** (`LimitBelowHeap`): the heap may grow to 300Mi.",
        "managed by ArgoCD argocd/web",
        "The last 2 kills",
        "## Not changed by a manifest",
        "Fix the leak",
        "kubectl get oomreport -n shop deployment-web-api -o yaml",
    ):
        assert words in out, words


@pytest.mark.parametrize(
    "name",
    [
        "@team",
        "#12",
        "a`b``c",
        "<img src=x>",
        "| | |",
        "[x](https://evil.example)",
        "\x1b[31m",
        "a\nb",
        "**x**",
        "ftp://x",
        "HTTP://x",
        "!45",
        "$6",
        "&7",
        "%8",
        "~l",
        "GH-3",
        "mailto:a@b",
    ],
)
def test_names_that_a_process_chose_do_no_harm_in_a_pull_request(ran, name: str):
    report = a_report("web", findings=[{"rule": "X", "severity": "Info", "message": f"it was {name}"}])
    report["status"]["lastKill"]["victim"]["comm"] = name
    _, out, _ = ran("recommend", [report], "-o", "markdown")
    lines = [line for line in out.splitlines() if "it was" in line or "Last kill" in line]
    assert len(lines) == 2
    assert code(name) in lines[0]
    assert escaped(name) in lines[1]
    assert "\x1b" not in out
    # Outside of code nothing mentions, links or opens a tag.
    prose = "".join(escaped(name).split("`")[::2])
    assert not any(
        bad in prose.replace("\\<", "").replace("\\#", "")
        for bad in ("@", "<", "://", "#", "!4", "$6", "&7", "%8", "~l", "GH-3", "GH\\-3", "mailto:")
    )


def test_a_body_is_never_longer_than_a_forge_takes(ran):
    reports = [
        a_report(f"web-{number}", findings=[{"rule": "X", "severity": "Info", "message": "x" * 1000}] * 4)
        for number in range(60)
    ]
    _, out, _ = ran("recommend", reports, "-o", "markdown")
    assert len(out) < 65_536
    assert "more are left out here" in out
    assert out.count("\n| `shop`") == 60


def test_show_tells_a_report_in_words(ran):
    report = a_report(
        "web", managedBy=ARGO, findings=[{"rule": "X", "severity": "Warning", "message": "it will come again"}]
    )
    status, out, _ = ran("show", [report], "deployment-web-api")
    assert status == 0
    for words in (
        "shop Deployment/web, container api: OOM-killed 3 times",
        "The container reached its own memory limit of 256 MiB (the kernel's record and pod status agree).",
        '"node" (pid 212) was killed, holding 52.7 MiB',
        "Warning: it will come again.",
        "Raise the container's memory limit from 256Mi to 480Mi (confidence High).",
        "The manifest is managed by ArgoCD argocd/web",
        "oomreport accept -n shop deployment-web-api",
    ):
        assert words in " ".join(out.split()), words
    assert ran("show", [report], "nobody")[0] == 2


def test_show_tells_what_the_agent_saw_where_the_kernel_printed_nothing(ran):
    at = "2026-11-20T20:21:04.000000Z"
    usage = {
        "startTime": at,
        "intervalSeconds": 5.0,
        "bytes": [40 << 20, 50 << 20],
        "lastSample": {"time": at, "usageBytes": 60 << 20, "anonBytes": 5 << 20, "shmemBytes": 48 << 20},
        "peak": {"time": at, "bytes": 64 << 20},
        "pressure": {"time": at, "somePercent": 31.0, "fullPercent": 12.0},
    }
    report = a_report("web")
    report["status"]["lastKill"] = {"verdict": "KernelOnly", "cause": "Unknown", "time": at, "usage": usage}
    _, out, _ = ran("show", [report], "deployment-web-api")
    words = " ".join(out.split())
    assert f"When last looked at, at {at}, it held 60 MiB: heap and stacks 5 MiB" in words
    assert "of them tmpfs and shared memory 48 MiB." in words
    assert "Its samples reached 50 MiB, its peak with page cache was 64 MiB." in words
    assert "Tasks stood still for want of memory 31 % of ten seconds, all at once 12 %." in words
    report["status"]["lastKill"]["memory"] = {"stat": {"anon": 1}}
    assert "When last looked at" not in ran("show", [report], "deployment-web-api")[1]


def test_show_sets_no_older_sample_against_the_kernels_figure(ran):
    at = "2026-11-20T20:21:04.000000Z"
    usage = {"startTime": at, "intervalSeconds": 5.0, "bytes": [264 << 10], "peak": {"time": at, "bytes": 3800 << 10}}
    victim = {"pid": 212, "comm": "hog", "anonRSSBytes": 63 << 20}
    report = a_report("web")
    report["status"]["lastKill"] = {"verdict": "Confirmed", "cause": "ContainerLimit", "time": at, "victim": victim}
    report["status"]["lastKill"]["usage"] = usage
    _, out, _ = ran("show", [report], "deployment-web-api")
    assert "was killed, holding 63 MiB" in " ".join(out.split())
    assert "Its samples reached" not in out


def test_list_shows_the_rows_of_kubectl(ran):
    status, out, _ = ran("list", [a_report("web")], "-o", "wide")
    head, row = (line.split("   ") for line in out.splitlines())
    cells = dict(zip((one.strip() for one in head if one), (one.strip() for one in row if one), strict=False))
    assert status == 0
    assert (cells["NAME"], cells["VICTIM"], cells["RECOMMENDED"]) == ("deployment-web-api", "node", "480Mi")


def test_what_export_writes_is_read_again_from_standard_input(ran, monkeypatch: pytest.MonkeyPatch, capsys):
    reports = [a_report("web"), a_report("db")]
    _, text, _ = ran("export", reports)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["recommend", "--reports", "-", "-o", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["items"]) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("[1, 2", "neither JSON nor YAML"),
        ("kind: Pod\n", "is of kind 'Pod', not OOMReport"),
        ("just words\n", "holds no reports"),
        ("kind: List\nitems: [{kind: OOMReport}]\n", "item 1 (None/None): metadata.name is missing"),
    ],
)
def test_a_file_that_holds_no_reports_says_so(ran, text: str, words: str):
    status, _, error = ran("recommend", text)
    assert status == 2
    assert words in error
    assert "reports.yaml" in error


def test_an_empty_list_recommends_nothing(ran):
    status, out, error = ran("recommend", "kind: List\nitems: []\n", "--exit-code")
    assert (status, out) == (0, "")
    assert "Nothing is recommended" in error


def test_times_without_quotes_stay_texts(ran):
    text = a_list(a_report("web")).replace("'2026-11-20T20:21:07.433434Z'", "2026-11-20T20:21:07.433434Z")
    assert "'2026" not in text
    item = json.loads(ran("recommend", text, "-o", "json")[1])["items"][0]
    assert item["lastKillTime"] == "2026-11-20T20:21:07.433434Z"
