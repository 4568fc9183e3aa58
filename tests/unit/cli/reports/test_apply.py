"""`oomreport apply` on real Git checkouts: what changed is what `git diff` says."""

from pathlib import Path
from typing import Any

import pytest

from oomreport.gitops.plan import plan_of
from support.checkout import GitCheckout, a_report, new_checkout, ten_workloads, workload


@pytest.fixture
def checkout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> GitCheckout:
    return new_checkout(tmp_path, capsys)


def test_ten_workloads_are_ten_changed_lines_and_the_second_run_changes_none(checkout: GitCheckout):
    files, reports = ten_workloads()
    checkout.write(files)
    done = checkout.apply(reports)
    assert done.status == 0, done.out + done.err
    stat = checkout.numstat()
    print(checkout.git("diff", "--numstat"))
    assert sum(added for added, _ in stat.values()) == sum(removed for _, removed in stat.values()) == 10
    assert len(stat) == 9
    diff = checkout.git("diff", "-U0")
    changed = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert all(("480Mi" if line[0] == "+" else "256Mi") in line for line in changed)
    assert [line[1:].replace("480Mi", "256Mi") for line in changed if line[0] == "+"] == [
        line[1:] for line in changed if line[0] == "-"
    ]
    again = checkout.apply(reports, "--exit-code")
    assert (again.status, again.out.splitlines()[-1]) == (0, "10 already")
    assert checkout.git("diff") == checkout.git("diff")
    assert checkout.numstat() == stat


def test_a_dry_run_prints_what_git_can_apply_and_writes_nothing(checkout: GitCheckout):
    files, reports = ten_workloads()
    checkout.write(files)
    done = checkout.apply(reports, "--dry-run", "--exit-code")
    assert done.status == 1
    assert checkout.git("status", "--porcelain") == ""
    patch = checkout.folder.parent / "dry.patch"
    patch.write_bytes(done.out.encode())
    checkout.git("apply", str(patch))
    dry = checkout.git("diff")
    checkout.git("checkout", "-q", ".")
    assert checkout.apply(reports).status == 0
    assert checkout.git("diff") == dry
    assert dry


def test_the_body_holds_what_was_changed_and_why_the_rest_was_not(checkout: GitCheckout):
    text = workload("Deployment", "web").replace("limits: {", "requests: {memory: 64Mi}, limits: {")
    drifted = workload("Deployment", "db").replace("256Mi", "300Mi")
    checkout.write({"web.yaml": text, "db.yaml": drifted})
    file = checkout.folder.parent / "body.md"
    reports = [a_report("web", request="120Mi"), a_report("db"), a_report("import", kind="Job")]
    assert checkout.apply(reports, "--body", str(file)).status == 3
    body = file.read_text()
    head, _, rest = body.partition("## Not changed here")
    assert head.startswith("1 container was OOM-killed, and this changes their memory:")
    assert "| 256Mi → **480Mi** | 64Mi → **120Mi** |" in head
    assert "Deployment/db" not in head
    assert "Job/import" not in head
    assert "`Deployment/db`, container `api`: refused: db.yaml:" in rest
    assert "`Job/import`, container `api`: not found: no manifest of it is here" in rest
    assert "- **Changed:** `web.yaml:" in rest
    dry = checkout.folder.parent / "dry.md"
    checkout.git("checkout", "-q", ".")
    checkout.apply(reports, "--dry-run", "--body", str(dry))
    assert dry.read_text() == body


def test_a_body_says_what_must_be_done_by_hand(checkout: GitCheckout):
    checkout.write({"web.yaml": workload("Deployment", "web")})
    file = checkout.folder.parent / "body.md"
    checkout.apply([a_report("web", request="300Mi")], "--body", str(file))
    assert "300Mi must be added by hand" in file.read_text()


def test_the_request_is_raised_where_it_is_recommended_and_set(checkout: GitCheckout):
    text = workload("Deployment", "web").replace(
        "resources: {limits: {cpu: 500m, memory: 256Mi}}",
        "resources:\n          requests: {memory: 128Mi}\n          limits: {memory: 256Mi}",
    )
    checkout.write({"web.yaml": text})
    assert checkout.apply([a_report("web", request="240Mi")]).status == 0
    assert checkout.text("web.yaml") == text.replace("128Mi", "240Mi").replace("256Mi", "480Mi")


def test_a_limit_and_its_request_are_lowered_where_that_is_recommended(checkout: GitCheckout):
    text = workload("Deployment", "web").replace(
        "resources: {limits: {cpu: 500m, memory: 256Mi}}",
        "resources:\n          requests: {memory: 256Mi}\n          limits: {memory: 256Mi}",
    )
    checkout.write({"web.yaml": text})
    report = a_report("web", action="LowerLimit", limit="160Mi", request="160Mi")
    assert checkout.apply([report]).status == 0
    assert checkout.text("web.yaml") == text.replace("256Mi", "160Mi")
    assert checkout.apply([report]).out.splitlines()[-1] == "2 already"


def test_a_request_that_is_not_set_follows_the_limit(checkout: GitCheckout):
    checkout.write({"web.yaml": workload("Deployment", "web")})
    done = checkout.apply([a_report("web", request="480Mi")])
    assert (done.status, checkout.numstat()) == (0, {"web.yaml": (1, 1)})
    assert "skipped" not in done.out


def test_a_request_that_is_not_set_and_differs_is_named_and_left(checkout: GitCheckout):
    checkout.write({"web.yaml": workload("Deployment", "web")})
    done = checkout.apply([a_report("web", request="300Mi")])
    assert (done.status, checkout.numstat()) == (0, {"web.yaml": (1, 1)})
    assert "sets no request: 300Mi must be added by hand" in done.out


def test_only_the_request_is_raised_where_the_limit_was_not_the_cause(checkout: GitCheckout):
    text = workload("Deployment", "web").replace("limits: {", "requests: {memory: 64Mi}, limits: {")
    checkout.write({"web.yaml": text})
    report = a_report("web", action="RaiseRequest", limit=None, request="200Mi")
    assert checkout.apply([report]).status == 0
    assert checkout.text("web.yaml") == text.replace("64Mi", "200Mi")
    assert checkout.apply([report]).out.splitlines()[-1] == "1 already"


def test_the_pod_limit_is_the_pods_own(checkout: GitCheckout):
    text = workload("Deployment", "web").replace(
        "      containers:", "      resources: {limits: {memory: 1Gi}}\n      containers:"
    )
    checkout.write({"web.yaml": text})
    assert checkout.apply([a_report("web", action="RaisePodLimit", previous="1Gi", limit="1536Mi")]).status == 0
    assert checkout.text("web.yaml") == text.replace("1Gi", "1536Mi")


def test_a_sidecar_is_found_among_the_init_containers(checkout: GitCheckout):
    text = workload("Deployment", "web").replace("containers:", "initContainers:")
    checkout.write({"web.yaml": text})
    assert checkout.apply([a_report("web")]).status == 0
    assert checkout.text("web.yaml") == text.replace("256Mi", "480Mi")


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob", "Job", "Pod"])
def test_every_kind_is_found(checkout: GitCheckout, kind: str):
    text = workload(kind, "web")
    checkout.write({"web.yaml": text})
    assert checkout.apply([a_report("web", kind=kind)]).status == 0
    assert checkout.text("web.yaml") == text.replace("256Mi", "480Mi")


def test_a_limit_that_the_kernel_rounded_to_pages_is_the_one_that_was_seen(checkout: GitCheckout):
    text = workload("Deployment", "web", memory="100M")
    checkout.write({"web.yaml": text})
    assert checkout.apply([a_report("web", previous="97656Ki", limit="192Mi")]).status == 0
    assert checkout.text("web.yaml") == text.replace("100M", "192Mi")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("memory: 256Mi", "memory: 300Mi"), "web.yaml:14 says 300Mi, the report saw 256Mi"),
        (("memory: 256Mi", "memory: {{ .Values.memory }}"), "comes from a template: {{ .Values.memory }}"),
        (("memory: 256Mi", 'memory: "${MEMORY}"'), 'comes from a template: "${MEMORY}"'),
        (("memory: 256Mi", "memory: lots"), "'lots', which is no quantity"),
        (("memory: 256Mi", "memory: 256Mi, memory: 256Mi"), "memory is written 2 times"),
        ((", memory: 256Mi", ""), "sets no limit (spec.template.spec.containers[api].resources.limits.memory"),
        (
            ("limits: {cpu: 500m, memory: 256Mi}", "limits: &l {memory: 256Mi}, requests: *l"),
            "is anchored (&) and used",
        ),
        (("memory: 256Mi", "<<: {memory: 256Mi}"), "comes through a merge key"),
    ],
)
def test_what_must_not_be_edited_is_refused_with_the_reason(
    checkout: GitCheckout, change: tuple[str, str], reason: str
):
    text = workload("Deployment", "web")
    assert change[0] in text
    checkout.write({"web.yaml": text.replace(*change)})
    done = checkout.apply([a_report("web")])
    assert done.status == 3
    assert reason in done.out
    assert checkout.numstat() == {}


def test_a_block_scalar_is_refused(checkout: GitCheckout):
    inline = "resources: {limits: {cpu: 500m, memory: 256Mi}}   # raised in May"
    block = "resources:\n          limits:\n            memory: |-\n              256Mi"
    checkout.write({"web.yaml": workload("Deployment", "web").replace(inline, block)})
    done = checkout.apply([a_report("web")])
    assert (done.status, checkout.numstat()) == (3, {})
    assert "the value is a block scalar" in done.out


def test_an_alias_is_refused(checkout: GitCheckout):
    text = "x-memory: &m 256Mi\n" + workload("Deployment", "web", memory="*m")
    checkout.write({"web.yaml": text})
    done = checkout.apply([a_report("web")])
    assert (done.status, checkout.numstat()) == (3, {})
    assert "comes from the alias *m" in done.out


def test_two_files_that_define_it_are_both_named(checkout: GitCheckout):
    checkout.write({"a/web.yaml": workload("Deployment", "web"), "b/web.yaml": workload("Deployment", "web")})
    done = checkout.apply([a_report("web")])
    assert (done.status, checkout.numstat()) == (3, {})
    assert "2 places define it: a/web.yaml:1, b/web.yaml:1" in done.out


def test_the_manifest_that_names_the_namespace_is_meant(checkout: GitCheckout):
    shop, other, none = (workload("Deployment", "web", namespace=one) for one in ("shop", "other", None))
    checkout.write({"shop.yaml": shop, "other.yaml": other, "none.yaml": none})
    assert checkout.apply([a_report("web")]).status == 0
    assert checkout.numstat() == {"shop.yaml": (1, 1)}


def test_a_manifest_without_a_namespace_is_that_of_the_default_namespace(checkout: GitCheckout):
    checkout.write({"web.yaml": workload("Deployment", "web", namespace=None)})
    done = checkout.apply([a_report("web")], "--default-namespace", "other")
    assert (done.status, checkout.numstat()) == (0, {})
    assert "no manifest of it is here" in done.out
    assert checkout.apply([a_report("web")], "--default-namespace", "shop").status == 0
    assert checkout.numstat() == {"web.yaml": (1, 1)}


def test_reports_that_want_different_values_of_one_line_are_refused(checkout: GitCheckout):
    checkout.write({"web.yaml": workload("Deployment", "web", namespace=None)})
    done = checkout.apply([a_report("web"), a_report("web", namespace="stage", limit="512Mi")])
    assert (done.status, checkout.numstat()) == (3, {})
    assert "is asked for by several reports" in done.out


def test_what_was_rejected_is_left_and_accepted_only_asks_for_more(checkout: GitCheckout):
    checkout.write({"web.yaml": workload("Deployment", "web")})
    rejected = a_report("web", review={"decision": "Rejected", "reviewer": "ada", "note": "we shard it"})
    done = checkout.apply([rejected])
    assert (done.status, checkout.numstat()) == (0, {})
    assert "rejected by ada: we shard it" in done.out
    assert "not accepted yet" in checkout.apply([a_report("web")], "--accepted-only").out
    assert checkout.numstat() == {}
    assert checkout.apply([a_report("web", review={"decision": "Accepted"})], "--accepted-only").status == 0
    assert checkout.numstat() == {"web.yaml": (1, 1)}


def test_a_decision_about_another_recommendation_is_none(checkout: GitCheckout):
    def decided(decision: str, *, generation: int) -> dict[str, Any]:
        changed = {"type": "Reviewed", "status": "False", "reason": "RecommendationChanged", "observedGeneration": 2}
        report = a_report("web", review={"decision": decision}, conditions=[changed])
        report["metadata"]["generation"] = generation
        return report

    checkout.write({"web.yaml": workload("Deployment", "web")})
    # Of what was decided after the controller has said so, it has said nothing yet.
    assert "rejected" in checkout.apply([decided("Rejected", generation=3)]).out
    assert "not accepted yet" in checkout.apply([decided("Accepted", generation=2)], "--accepted-only").out
    assert checkout.numstat() == {}
    assert checkout.apply([decided("Rejected", generation=2)]).status == 0
    assert checkout.numstat() == {"web.yaml": (1, 1)}


def test_a_higher_limit_is_left_alone(checkout: GitCheckout):
    checkout.write({"web.yaml": workload("Deployment", "web", memory="1Gi")})
    done = checkout.apply([a_report("web")])
    assert (done.status, checkout.numstat()) == (0, {})
    assert "already 1Gi, more than the 480Mi" in done.out


def test_what_no_manifest_answers_says_so(checkout: GitCheckout):
    checkout.write({"web.yaml": workload("Deployment", "web")})
    done = checkout.apply([a_report("web", action="FixLeak", limit=None)])
    assert (done.status, checkout.numstat()) == (0, {})
    assert "fix a leak" in done.out


def test_a_file_keeps_its_mode_and_a_link_stays_one(checkout: GitCheckout):
    checkout.write({"real/web.yaml": workload("Deployment", "web")})
    (checkout.folder / "real/web.yaml").chmod(0o640)
    (checkout.folder / "link.yaml").symlink_to("real/web.yaml")
    assert checkout.apply([a_report("web")]).status == 0
    assert (checkout.folder / "link.yaml").is_symlink()
    assert (checkout.folder / "real/web.yaml").stat().st_mode & 0o777 == 0o640
    assert "480Mi" in checkout.text("real/web.yaml")
    assert list((checkout.folder / "real").iterdir()) == [checkout.folder / "real/web.yaml"]


def test_a_link_that_leads_outside_is_not_followed_to_write(checkout: GitCheckout):
    outside = checkout.folder.parent / "outside.yaml"
    outside.write_text(workload("Deployment", "web"))
    checkout.write({"README": ""})
    (checkout.folder / "web.yaml").symlink_to(outside)
    done = checkout.apply([a_report("web")])
    assert done.status == 3
    assert "is outside the named paths" in done.out
    assert "256Mi" in outside.read_text()


def test_bad_input_says_what_and_where(checkout: GitCheckout):
    checkout.write({"web.yaml": workload("Deployment", "web")})
    report = a_report("web")
    del report["spec"]["workloadRef"]["kind"]
    done = checkout.apply([a_report("db"), report])
    assert done.status == 2
    assert "item 2 (shop/deployment-web-api): spec.workloadRef.kind is missing" in done.err
    assert checkout.apply([a_report("web")], paths=["nowhere"]).status == 2
    assert checkout.apply([a_report("web", limit="much")]).status == 2


# Kustomize


def base_of(*overlays: str, memory: str = "256Mi") -> dict[str, str]:
    """A base with a Deployment web, and overlays: each its own namespace."""
    files = {
        "base/kustomization.yaml": "resources: [web.yaml]\n",
        "base/web.yaml": workload("Deployment", "web", namespace=None, memory=memory),
    }
    return files | {f"{name}/kustomization.yaml": f"namespace: {name}\nresources:\n- ../base\n" for name in overlays}


def test_the_line_of_a_base_that_one_overlay_uses_is_edited(checkout: GitCheckout):
    checkout.write(base_of("shop"))
    assert checkout.apply([a_report("web")]).status == 0
    assert checkout.numstat() == {"base/web.yaml": (1, 1)}


def test_a_base_that_others_use_gets_a_patch_in_the_overlay(checkout: GitCheckout):
    checkout.write(base_of("shop", "stage"))
    done = checkout.apply([a_report("web", request="300Mi")])
    assert done.status == 0, done.out
    assert "is the value of stage Deployment/web, too" in done.out
    assert checkout.text("shop/kustomization.yaml") == (
        "namespace: shop\nresources:\n- ../base\npatches:\n- path: oomreport-deployment-web-api.yaml\n"
    )
    assert "stage/kustomization.yaml" not in checkout.numstat()
    assert "memory: 480Mi" in checkout.text("shop/oomreport-deployment-web-api.yaml")
    again = checkout.apply([a_report("web", request="300Mi")], "--exit-code")
    assert again.status == 0, again.out
    # The next kill edits the patch that is there.
    assert checkout.apply([a_report("web", previous="480Mi", limit="1Gi")]).status == 0
    assert "memory: 1Gi" in checkout.text("shop/oomreport-deployment-web-api.yaml")
    assert "256Mi" in checkout.text("base/web.yaml")


def test_a_new_patch_is_added_behind_those_that_are_there(checkout: GitCheckout):
    files = base_of("shop", "stage")
    files["shop/kustomization.yaml"] = (
        "# our shop\r\nnamespace: shop\r\nresources:\r\n- ../base\r\npatches:\r\n  - patch: |-\r\n      - op: add\r\n"
        "        path: /spec/replicas\r\n        value: 2\r\n    target: {kind: Deployment}\r\n  # the end\r\nlabels: []\r\n"
    )
    checkout.write(files)
    done = checkout.apply([a_report("web")])
    assert done.status == 0, done.out
    assert checkout.numstat()["shop/kustomization.yaml"] == (1, 0)
    assert "Deployment}\r\n  - path: oomreport-deployment-web-api.yaml\r\n  # the end\r\n" in checkout.text(
        "shop/kustomization.yaml"
    )


def test_an_alias_in_a_base_is_overridden_by_a_patch(checkout: GitCheckout):
    files = base_of("shop")
    files["base/web.yaml"] = "x: &m 256Mi\n" + workload("Deployment", "web", namespace=None, memory="*m")
    checkout.write(files)
    done = checkout.apply([a_report("web")])
    assert done.status == 0, done.out
    assert "a patch, since the value in base/web.yaml comes from the alias *m" in done.out


def test_only_what_was_named_is_edited(checkout: GitCheckout):
    checkout.write(base_of("shop"))
    assert checkout.apply([a_report("web")], paths=["shop"]).status == 0
    assert set(checkout.numstat()) == {"shop/kustomization.yaml", "shop/oomreport-deployment-web-api.yaml"}


def test_prefix_and_suffix_belong_to_the_name(checkout: GitCheckout):
    files = base_of("shop")
    files["shop/kustomization.yaml"] += "namePrefix: a-\nnameSuffix: -z\n"
    checkout.write(files)
    assert "no manifest of it is here" in checkout.apply([a_report("web")]).out
    assert checkout.apply([a_report("a-web-z")]).status == 0
    assert checkout.numstat() == {"base/web.yaml": (1, 1)}


def test_a_patch_of_a_component_is_edited(checkout: GitCheckout):
    files = base_of("shop", memory="64Mi")
    files["shop/kustomization.yaml"] += "components: [../big]\n"
    files["big/kustomization.yaml"] = (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- target: {kind: Deployment, name: w.*}\n"
        "  patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: any}\n    spec:\n      template:\n"
        "        spec:\n          containers:\n          - name: api\n            resources:\n              limits:\n"
        "                memory: 256Mi # big\n"
    )
    checkout.write(files)
    done = checkout.apply([a_report("web")])
    assert done.status == 0, done.out
    assert checkout.numstat() == {"big/kustomization.yaml": (1, 1)}
    assert "memory: 480Mi # big\n" in checkout.text("big/kustomization.yaml")


def test_an_existing_patch_for_a_base_outside_of_the_checkout_is_edited(checkout: GitCheckout):
    patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n      - name: api\n        resources:\n          limits:\n            memory: 256Mi\n"
    checkout.write(
        {
            "shop/kustomization.yaml": "namespace: shop\nresources: ['https://example.com/base?ref=v1']\npatches:\n- path: web.yaml\n",
            "shop/web.yaml": patch,
        }
    )
    done = checkout.apply([a_report("web")])
    assert done.status == 0, done.out
    assert checkout.text("shop/web.yaml") == patch.replace("256Mi", "480Mi")
    assert "https://example.com/base" in checkout.apply([a_report("other")]).out


# Values files and marked lines


def test_templates_are_named_where_a_workload_may_be_in_them(checkout: GitCheckout):
    files, _ = ten_workloads()
    checkout.write(files)
    done = checkout.apply([a_report("unmapped")])
    assert (done.status, checkout.numstat()) == (0, {})
    assert "templates of kind Deployment are in charts/pay/templates/deployment.yaml: map" in done.out


def test_a_mark_wins_over_the_manifest(checkout: GitCheckout):
    marked = 'a: 1\nmemory: 256Mi # {"$oomreport": "shop:Deployment/web:api:limit"}\n'
    checkout.write({"web.yaml": workload("Deployment", "web"), "values.yaml": marked})
    assert checkout.apply([a_report("web")]).status == 0
    assert checkout.numstat() == {"values.yaml": (1, 1)}


def test_two_marks_of_one_value_are_both_named(checkout: GitCheckout):
    marked = 'memory: 256Mi # {"$oomreport": "shop:Deployment/web:api:limit"}\n'
    checkout.write({"a.yaml": marked, "b.yaml": marked})
    done = checkout.apply([a_report("web")])
    assert (done.status, checkout.numstat()) == (3, {})
    assert "a.yaml:1, b.yaml:1" in done.out


def test_a_mark_in_an_inline_patch_is_found(checkout: GitCheckout):
    text = (
        "patches:\n- target: {kind: Deployment}\n  patch: |-\n    - op: replace\n      path: /spec/x\n"
        '      value: 256Mi # {"$oomreport": "shop:Deployment/web:api:limit"}\n'
    )
    checkout.write({"kustomization.yaml": text})
    done = checkout.apply([a_report("web")])
    assert done.status == 0, done.out
    assert checkout.text("kustomization.yaml") == text.replace("256Mi", "480Mi")


def test_a_mark_on_a_template_is_refused(checkout: GitCheckout):
    text = 'a: {{ if }}\nmemory: {{ .Values.memory }} # {"$oomreport": "shop:Deployment/web:api:limit"}\n'
    checkout.write({"web.yaml": text})
    done = checkout.apply([a_report("web")])
    assert (done.status, checkout.numstat()) == (3, {})
    assert "comes from a template" in done.out


def test_a_mark_that_nobody_can_read_is_told_of(checkout: GitCheckout):
    checkout.write({"a.yaml": 'memory: 256Mi # {"$oomreport": "Deployment/web"}\n'})
    assert "a.yaml:1: 'Deployment/web' is not namespace:Kind/name:container:limit" in checkout.apply([]).out


def test_a_mapping_never_leads_out_of_the_checkout(checkout: GitCheckout):
    outside = checkout.folder.parent / "values.yaml"
    outside.write_text("resources: {limits: {memory: 256Mi}}\n")
    for leave in ("true", "{shop: ..}"):
        checkout.write({".oomreport.yaml": f"annotations: {leave}\n"})
        checkout.apply([a_report("web", annotations={"values.oomreport.dev/api": "../values.yaml#resources"})])
        assert "480Mi" not in outside.read_text()


@pytest.mark.parametrize(
    ("configuration", "changed"),
    [
        ("", False),
        ("annotations: false\n", False),
        ("annotations: {shop: charts/shop}\n", False),
        ("annotations: {shop: charts/pay}\n", False),
        ("annotations: {payments: charts/payments}\n", False),
        ("annotations: {shop: charts/payments}\n", True),
        ("annotations: true\n", True),
    ],
)
def test_an_annotation_changes_only_files_that_its_namespace_is_let(
    checkout: GitCheckout, configuration: str, *, changed: bool
):
    """Who may edit a workload need not be who may change another team's values."""
    values = "resources: {limits: {memory: 256Mi}}\n"
    checkout.write({".oomreport.yaml": configuration, "charts/payments/values.yaml": values})
    tricky = "charts/payments/../payments/values.yaml#resources"
    done = checkout.apply([a_report("web", annotations={"values.oomreport.dev/api": tricky})])
    assert ("480Mi" in checkout.text("charts/payments/values.yaml")) is changed
    assert ("no .oomreport.yaml lets it" in done.err) is not changed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("values:\n- file: a.yaml\n", "entry 1: workload is to be Kind/name"),
        ("values:\n- workload: Deployment/web\n  resources: a\n", "entry 1: file is missing"),
        ("values:\n- workload: Deployment/web\n  file: a.yaml\n", "resources is missing, or limit and request"),
        ("values:\n- {workload: Deployment/web, file: a, limits: b}\n", "unknown limits"),
        ("values:\n- {workload: Deployment/web, file: a, limit: 'a..b'}\n", "is no path"),
        ("setters: []\n", "is to be a mapping"),
        ("annotations: [shop]\n", "a folder for each namespace"),
    ],
)
def test_a_wrong_configuration_says_which_entry(checkout: GitCheckout, text: str, words: str):
    checkout.write({".oomreport.yaml": text, "a.yaml": "x: 1\n"})
    done = checkout.apply([a_report("web")])
    assert (done.status, words in done.err) == (2, True), done.err


def test_several_values_of_one_inline_patch_and_one_kustomization_are_changed_at_once(checkout: GitCheckout):
    def operation(container: int, field: str, value: str) -> str:
        path = f"/spec/template/spec/containers/{container}/resources/{field}/memory"
        return f"    - {{op: add, path: {path}, value: {value}}} # {field}\r\n"

    files = base_of("shop", "stage")
    second = "      - name: proxy\n        image: proxy\n        resources: {limits: {memory: 64Mi}}\n"
    files["base/web.yaml"] += second
    own = operation(0, "limits", "256Mi") + operation(0, "requests", "128Mi")
    files["shop/kustomization.yaml"] += f"patches:\r\n- target: {{kind: Deployment}}\r\n  patch: |\r\n{own}"
    checkout.write(files)
    reports = [a_report("web", request="240Mi"), a_report("web", container="proxy", previous="64Mi", limit="96Mi")]
    done = checkout.apply(reports)
    assert done.status == 0, done.out
    text = files["shop/kustomization.yaml"].replace("256Mi", "480Mi").replace("128Mi", "240Mi")
    assert checkout.text("shop/kustomization.yaml") == text + "- path: oomreport-deployment-web-proxy.yaml\r\n"
    again = checkout.apply(reports, "--exit-code")
    assert (again.status, again.out.splitlines()[-1]) == (0, "3 already"), again.out


def test_a_document_that_is_no_yaml_hides_no_other_one(checkout: GitCheckout):
    broken = "kind: {{ .kind }}\n  bad: [\n"
    text = f"{broken}---\n{workload('Deployment', 'web')}---\n{broken}"
    checkout.write({"all.yaml": text})
    done = checkout.apply([a_report("web")])
    assert done.status == 0, done.out
    assert checkout.text("all.yaml") == text.replace("256Mi", "480Mi")


def test_a_file_that_changes_while_it_is_edited_is_left_as_it_is(
    checkout: GitCheckout, monkeypatch: pytest.MonkeyPatch
):
    checkout.write({"web.yaml": workload("Deployment", "web")})
    path = checkout.folder / "web.yaml"

    def edited_meanwhile(*arguments: Any, **options: Any) -> Any:
        path.write_text("# somebody was faster\n")
        return plan_of(*arguments, **options)

    monkeypatch.setattr("oomreport.cli.reports.apply.plan_of", edited_meanwhile)
    done = checkout.apply([a_report("web")])
    assert (done.status, path.read_text()) == (2, "# somebody was faster\n")
    assert "was changed by somebody else" in done.err


def test_json_stays_json(checkout: GitCheckout):
    text = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{"name": "api",\n "resources": {"limits": {"memory": 268435456}}}]}}\n'
    checkout.write({"web.json": text})
    assert checkout.apply([a_report("web", kind="Pod")]).status == 0
    assert checkout.text("web.json") == text.replace("268435456", '"480Mi"')


def test_circles_end(checkout: GitCheckout):
    checkout.write(
        {
            "a/kustomization.yaml": "resources: [., ., ../b, ../b, web.yaml]\ncomponents: [.]\n",
            "b/kustomization.yaml": "resources: [../a, ../a]\npatches: &p [*p]\nlabels: &l [*l, *l]\n",
            "c/kustomization.yaml": "resources: [../a]\npatches:\n- patch: |",
            "a/web.yaml": workload("Deployment", "web"),
        }
    )
    done = checkout.apply([a_report("web")])
    assert done.status in (0, 3)


def test_a_new_patch_is_not_written_where_only_a_file_was_named(checkout: GitCheckout):
    checkout.write(base_of("shop", "stage"))
    done = checkout.apply([a_report("web")], paths=["shop/kustomization.yaml"])
    assert (done.status, checkout.numstat()) == (3, {})
