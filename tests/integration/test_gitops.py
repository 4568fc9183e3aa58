"""GitOps review against a real API server: its reports are exported, applied to a checkout, reviewed.

Its word on the result.
"""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from integration.api_server import ADMIN, Object, RefusedError, holder_of, token
from oomreport.cli.main import main
from oomreport.cli.reports.cluster import Cluster
from support.checkout import GitCheckout, a_report, new_checkout, ten_workloads, workload

NAMESPACE = "oomreport-test"
SHOP = "shop"


@pytest.fixture
def checkout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> GitCheckout:
    return new_checkout(tmp_path, capsys)


@pytest.fixture
def shop(product: list[Object]):
    ADMIN.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHOP}})
    yield SHOP
    ADMIN.kubectl("delete", "oomreports,deployments", "--all", "-n", SHOP, "--ignore-not-found")


def stored(report: Object) -> Object:
    """Create a report with its status, as the controller does in two writes, and return it as it is stored."""
    metadata = report["metadata"]
    ADMIN.create({key: value for key, value in report.items() if key != "status"})
    ADMIN.kubectl(
        *("patch", "oomreport", metadata["name"], "-n", metadata["namespace"], "--subresource=status", "--type=merge"),
        *("-p", json.dumps({"status": report["status"]})),
    )
    return ADMIN.get("oomreport", metadata["name"], "-n", metadata["namespace"])


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(list(arguments))
    done = capsys.readouterr()
    return status, done.out, done.err


def test_ten_reports_of_the_api_server_change_ten_lines_and_kubernetes_takes_the_result(
    checkout: GitCheckout, shop: str, capsys: pytest.CaptureFixture[str]
):
    files, reports = ten_workloads()
    checkout.write(files)
    for report in reports:
        stored(
            {**report, "metadata": {key: value for key, value in report["metadata"].items() if key != "annotations"}}
        )
    # The chart's workload has the annotation in the cluster; the report gets it from there.
    mixer = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "mixer",
            "namespace": shop,
            "annotations": {"values.oomreport.dev/api": "charts/mixer/values.yaml#resources"},
        },
        "spec": {
            "selector": {"matchLabels": {"app": "m"}},
            "template": {
                "metadata": {"labels": {"app": "m"}},
                "spec": {"containers": [{"name": "api", "image": "none"}]},
            },
        },
    }
    ADMIN.apply(mixer)
    status, _, error = ran(capsys, "apply", str(checkout.folder), "-n", shop)
    assert status == 0, error
    stat = checkout.git("diff", "--numstat")
    print(stat)
    rows = [line.split("\t") for line in stat.splitlines()]
    assert sum(int(row[0]) for row in rows) == sum(int(row[1]) for row in rows) == 10
    assert ran(capsys, "apply", str(checkout.folder), "-n", shop, "--exit-code")[0] == 0
    assert checkout.git("diff", "--numstat") == stat

    made = ADMIN.kubectl("kustomize", str(checkout.folder / "kustomize/prod"))
    limits = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
        for one in yaml.safe_load_all(made)
    }
    assert limits == {"prod-cart": "480Mi", "prod-search": "480Mi", "prod-mail": "480Mi"}
    for text in (made, *(checkout.text(name) for name in ("plain/web.yaml", "plain/db.yml", "plain/list.json"))):
        ADMIN.kubectl(
            "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text.lstrip("\ufeff")
        )


def test_a_new_patch_is_what_kustomize_makes_of_it(checkout: GitCheckout, shop: str):
    files, _ = ten_workloads()
    files = {name: text for name, text in files.items() if name.startswith("kustomize/")}
    cart_text = files["kustomize/base/cart.yaml"].replace("{limits:", "{requests: {memory: 160Mi}, limits:")
    files["kustomize/base/cart.yaml"] = cart_text
    files["kustomize/stage/kustomization.yaml"] = "namespace: stage\nnamePrefix: prod-\nresources: [../base]\n"
    checkout.write(files)
    assert checkout.apply([a_report("prod-cart", request="300Mi")]).status == 0
    for overlay, limit in (("prod", "480Mi"), ("stage", "256Mi")):
        made = ADMIN.kubectl("kustomize", str(checkout.folder / "kustomize" / overlay))
        cart = next(one for one in yaml.safe_load_all(made) if one["metadata"]["name"] == "prod-cart")
        resources = cart["spec"]["template"]["spec"]["containers"][0]["resources"]
        assert resources["limits"]["memory"] == limit
        assert resources["requests"]["memory"] == ("300Mi" if overlay == "prod" else "160Mi")
    assert "300Mi" in ADMIN.kubectl(
        "apply", "--server-side", "--dry-run=server", "-o", "yaml", "-k", str(checkout.folder / "kustomize/prod")
    )


def test_the_component_that_recommend_prints_is_what_kustomize_takes(
    checkout: GitCheckout, shop: str, capsys: pytest.CaptureFixture[str]
):
    files, _ = ten_workloads()
    checkout.write({name: text for name, text in files.items() if name.startswith("kustomize/")})
    stored(a_report("prod-cart"))
    status, component, error = ran(capsys, "recommend", "-n", shop, "-o", "kustomize")
    assert status == 0, error
    folder = checkout.folder / "kustomize"
    (folder / "oom").mkdir()
    (folder / "oom/kustomization.yaml").write_text(component)
    (folder / "all").mkdir()
    (folder / "all/kustomization.yaml").write_text("resources: [../prod]\ncomponents: [../oom]\n")
    made = yaml.safe_load_all(ADMIN.kubectl("kustomize", str(folder / "all")))
    cart = next(one for one in made if one["metadata"]["name"] == "prod-cart")
    assert cart["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] == {
        "cpu": "500m",
        "memory": "480Mi",
    }


def test_what_is_exported_is_what_kubectl_gives_and_either_is_input(
    shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    stored(a_report("web", labels={"team": "a"}))
    stored(a_report("db", kind="StatefulSet", labels={"team": "b"}))
    answers = []
    for form in ("yaml", "json"):
        ours, theirs = tmp_path / f"ours.{form}", tmp_path / f"theirs.{form}"
        assert ran(capsys, "export", str(ours), "-n", shop, "-o", form)[0] == 0
        theirs.write_text(ADMIN.kubectl("get", "oomreports", "-n", shop, "-o", form))
        one, two = (yaml.safe_load(path.read_text()) for path in (ours, theirs))
        assert [item["spec"] for item in one["items"]] == [item["spec"] for item in two["items"]]
        assert [item["status"] for item in one["items"]] == [item["status"] for item in two["items"]]
        answers += [ran(capsys, "recommend", "--reports", str(path), "-o", "json") for path in (ours, theirs)]
    assert all(answer == answers[0] for answer in answers)
    assert json.loads(answers[0][1])["items"][0]["memoryLimit"] == "480Mi"
    # Selectors mean the same in the cluster and in a file.
    for source in (["-n", shop], ["--reports", str(tmp_path / "ours.yaml")]):
        chosen = json.loads(ran(capsys, "recommend", *source, "-l", "team=b", "-o", "json")[1])["items"]
        assert [one["workloadRef"]["name"] for one in chosen] == ["db"]
    assert len(json.loads(ran(capsys, "recommend", "-A", "-o", "json")[1])["items"]) >= 2


def test_pages_of_a_list_are_put_together(
    shop: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("oomreport.cli.reports.cluster._PAGE", 2)
    for number in range(5):
        stored(a_report(f"web-{number}"))
    names = [one["report"] for one in json.loads(ran(capsys, "recommend", "-n", shop, "-o", "json")[1])["items"]]
    assert names == [f"deployment-web-{number}-api" for number in range(5)]


def test_a_review_writes_the_review_alone(shop: str, capsys: pytest.CaptureFixture[str]):
    before = stored(a_report("web"))
    name = before["metadata"]["name"]
    status, out, error = ran(capsys, "accept", name, "-n", shop, "--note", "as measured")
    assert status == 0, error
    assert out.startswith(f"shop/{name} Accepted by ")
    assert "from 256Mi to 480Mi" in out
    after = ADMIN.get("oomreport", name, "-n", shop)
    review = after["spec"].pop("review")
    assert (review["decision"], review["note"]) == ("Accepted", "as measured")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(review["time"])).total_seconds()) < 60
    assert review["reviewer"] == ADMIN.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    before["spec"].pop("review")
    assert (after["spec"], after["status"]) == (before["spec"], before["status"])
    assert ran(capsys, "reject", name, "-n", shop, "--reviewer", "ada", "--note", "we shard it")[0] == 0
    again = ADMIN.get("oomreport", name, "-n", shop)["spec"]["review"]
    assert again.pop("time") >= review["time"]
    assert again == {"decision": "Rejected", "reviewer": "ada", "note": "we shard it"}


def test_a_recommendation_that_changed_meanwhile_is_not_accepted(
    shop: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    name = stored(a_report("web"))["metadata"]["name"]
    changes = iter([{"kills": 4}, {"kills": 5, "recommendation": {"memoryLimit": "1Gi"}}])

    def kill_between(self: object, report: Object, review: Object) -> Object:
        change = next(changes, None)
        if change is not None:
            ADMIN.merge("oomreport", name, {"status": change}, "-n", shop, "--subresource=status")
        return real(self, report, review)

    real = Cluster.review
    monkeypatch.setattr(Cluster, "review", kill_between)
    # The first write meets a kill that changed no number: it is tried again, and meets another number.
    status, _, error = ran(capsys, "accept", name, "-n", shop)
    assert status == 1
    assert "the recommendation changed just now" in error
    assert "480Mi" in error
    assert "1Gi" in error
    assert ADMIN.get("oomreport", name, "-n", shop)["spec"]["review"]["decision"] == "Pending"
    changes = iter([{"kills": 6}])
    assert ran(capsys, "accept", name, "-n", shop)[0] == 0
    assert ADMIN.get("oomreport", name, "-n", shop)["spec"]["review"]["decision"] == "Accepted"


def test_what_cannot_be_reviewed_says_why(shop: str, capsys: pytest.CaptureFixture[str]):
    name = stored(a_report("web"))["metadata"]["name"]
    none = stored(a_report("idle", action="None", limit=None))["metadata"]["name"]
    for arguments, words in (
        (("accept", name, "--if-limit", "1Gi"), "not 1Gi is recommended, but 480Mi"),
        (("accept", none), "there is no recommendation"),
        (("reject", "nobody"), "nobody: no report and no workload with a report has this name in namespace"),
    ):
        status, _, error = ran(capsys, *arguments, "-n", shop)
        assert (status, words in error) == (1, True), error
    assert ran(capsys, "accept", name, "-n", shop, "--if-limit", "0.46875Gi")[0] == 0
    assert ran(capsys, "accept", name, "-n", shop, "--context", "nowhere")[0] == 2


def test_who_may_view_may_recommend_and_not_review(shop: str, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    name = stored(a_report("web"))["metadata"]["name"]
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "ci", "namespace": shop}}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "ci", "namespace": shop},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "oomreport-view"},
        "subjects": [{"kind": "ServiceAccount", "name": "ci", "namespace": shop}],
    }
    ADMIN.apply(account, binding)
    kubeconfig = holder_of(token("ci", shop), tmp_path).kubeconfig
    assert kubeconfig
    arguments = ("-n", shop, "--kubeconfig", kubeconfig)
    end = time.monotonic() + 10
    while (done := ran(capsys, "recommend", *arguments, "-o", "patch", "--exit-code"))[
        0
    ] == 2 and time.monotonic() < end:
        time.sleep(0.2)
    assert done[0] == 1, done
    assert "memory: 480Mi" in done[1]
    status, _, error = ran(capsys, "accept", name, *arguments)
    assert status == 1
    assert "forbidden" in error
    assert "system:serviceaccount:shop:ci" in error
    # What the service account may not read is said once, and stops nothing.
    status, _, error = ran(capsys, "recommend", *arguments, "-o", "values")
    assert (status, error.count("annotations of workloads cannot be read")) == (0, 1)


def test_the_patch_that_recommend_prints_changes_the_limit_alone(
    shop: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    stored(a_report("web"))
    ADMIN.kubectl("apply", "--server-side", "-f", "-", stdin=workload("Deployment", "web"))
    before = ADMIN.get("deployment", "web", "-n", shop)["spec"]
    patch = tmp_path / "patch.yaml"
    status, out, _ = ran(capsys, "recommend", "-n", shop, "-o", "patch")
    assert status == 0
    patch.write_text(out)
    ADMIN.kubectl("patch", "deployment", "web", "-n", shop, "--patch-file", str(patch))
    after = ADMIN.get("deployment", "web", "-n", shop)["spec"]
    limits = after["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["memory"] == "480Mi"
    limits["memory"] = "256Mi"
    assert after == before


def test_a_cluster_that_does_not_answer_is_an_error_with_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shop: str
):
    config = json.loads(ADMIN.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    broken = tmp_path / "kubeconfig"
    broken.write_text(json.dumps(config))
    status, _, error = ran(capsys, "recommend", "--kubeconfig", str(broken), "-n", shop)
    assert (status, "cannot be reached" in error) == (2, True), error
    with pytest.raises(RefusedError):
        ADMIN.kubectl("--kubeconfig", os.devnull, "get", "oomreports")
