"""From a real kill to a merged change and back: the command line edits a Git checkout, the cluster gets what it
holds.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from e2e.kube import apply, eventually, kubectl
from e2e.reports import report_of, settled_report
from e2e.test_review import LOAD, only_pod, quick_policy, told
from e2e.witness import kills_of_pod
from e2e.workloads import MIB, container, deployment, pod_spec
from oomreport.cli.main import main
from oomreport.workload.quantity import parse_quantity
from support.checkout import GitCheckout, new_checkout


@pytest.fixture
def checkout(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> GitCheckout:
    return new_checkout(tmp_path, capfd)


def in_git(namespace: str, load: int) -> dict[str, str]:
    """A base and an overlay; the base's Deployment uses `load` MiB."""
    base = deployment("web", namespace, pod_spec(container("self", str(load), "2", "5")))
    del base["metadata"]["namespace"]
    return {
        "base/kustomization.yaml": "resources: [web.json]\n",
        "base/web.json": json.dumps(base, indent=2) + "\n",
        "shop/kustomization.yaml": f"# the shop\nnamespace: {namespace}\nresources: [../base]\n",
    }


def deployed(checkout: GitCheckout) -> None:
    """What a GitOps controller does."""
    kubectl("apply", "--server-side", "-k", str(checkout.folder / "shop"))


def run(checkout: GitCheckout, *arguments: str) -> tuple[int, str]:
    """Run the command in the checkout; return its status and all that it printed."""
    command = [str(Path(__file__).parents[2] / ".venv/bin/oomreport"), *arguments]
    done = subprocess.run(command, cwd=checkout.folder, capture_output=True, text=True, check=False, env=os.environ)
    return done.returncode, done.stdout + done.stderr


def test_a_kill_becomes_a_change_in_git_that_holds_until_more_is_asked_for(namespace: str, checkout: GitCheckout):
    checkout.write(in_git(namespace, LOAD))
    apply(quick_policy(namespace))
    deployed(checkout)
    settled_report(namespace, "Deployment", "web", verdict="Confirmed")
    first = told(namespace, "web", Applied="False/NotApplied")["recommendation"]
    report = report_of(namespace, "Deployment", "web")
    assert report
    name = report["metadata"]["name"]
    # A house where only what somebody accepted is applied.
    arguments = ("apply", ".", "-n", namespace, "--accepted-only")
    assert run(checkout, *arguments)[0] == 0
    assert checkout.numstat() == {}
    status, out = run(
        checkout, "accept", name, "-n", namespace, "--if-limit", first["memoryLimit"], "--note", "it starts so"
    )
    assert status == 0, out
    told(namespace, "web", Reviewed="True/Accepted")
    status, out = run(checkout, *arguments)
    print(out)
    assert status == 0, out
    # The limit, and the request that keeps its share: two values, two lines.
    assert checkout.numstat() == {"base/web.json": (2, 2)}
    assert run(checkout, *arguments, "--exit-code")[0] == 0
    body = run(checkout, "recommend", "-n", namespace, "-o", "markdown")[1]
    assert f"64Mi → **{first['memoryLimit']}**" in body
    checkout.git("commit", "-qam", "Memory limits after OOM kills")
    deployed(checkout)

    status_ = told(namespace, "web", Applied="True/Raised")
    held = only_pod(namespace, first["memoryLimit"])
    assert run(checkout, "recommend", "-n", namespace, "--exit-code")[0] == 0
    status_ = told(namespace, "web", seconds=status_["applied"]["quietSeconds"] + 30, Resolved="True/Quiet")
    assert status_["kills"] == 1 or kills_of_pod(held["metadata"]["uid"]) == []
    assert "Resolved True" in run(checkout, "show", name, "-n", namespace)[1]

    # The next release needs more: the same lines are edited again, from the number that was applied.
    load = (parse_quantity(first["memoryLimit"]) or 0) // MIB + 64
    text = checkout.text("base/web.json").replace(f'"{LOAD}"', f'"{load}"')
    checkout.write({"base/web.json": text})
    deployed(checkout)
    second = told(namespace, "web", Regressed="True/KilledAgain", Reviewed="False/RecommendationChanged")[
        "recommendation"
    ]
    assert second["previousLimit"] == first["memoryLimit"]
    # What was accepted was another number.
    assert "not accepted yet" in run(checkout, *arguments)[1]

    def accepted_and_applied() -> bool:
        # It is in a crash loop meanwhile: the next kill may recommend another number before this one is taken.
        said = run(checkout, "accept", name, "-n", namespace)[1]
        told(namespace, "web", seconds=10, Reviewed="True/Accepted")
        said += run(checkout, *arguments)[1]
        print(said)
        assert checkout.numstat() == {"base/web.json": (2, 2)}, said
        return True

    eventually("the second number is in the checkout", accepted_and_applied, seconds=90, every=3)
    deployed(checkout)
    status_ = told(namespace, "web", seconds=90, Applied="True/Raised", Regressed="False/NotKilledAgain")
    limit = status_["applied"]["memoryLimit"]
    assert f'"memory": "{limit}"' in checkout.text("base/web.json")
    assert kills_of_pod(only_pod(namespace, limit)["metadata"]["uid"]) == []


def test_a_report_of_the_real_controller_is_exported_and_read(
    namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    apply(deployment("web", namespace, pod_spec(container("self", str(LOAD), "2", "5"))))
    settled_report(namespace, "Deployment", "web", verdict="Confirmed")
    file = tmp_path / "reports.yaml"
    assert main(["export", str(file), "-n", namespace]) == 0
    capsys.readouterr()
    for form in ("wide", "json", "patch", "kustomize", "values", "markdown"):
        assert main(["recommend", "--reports", str(file), "-o", form]) == 0
        out = capsys.readouterr().out
        assert "web" in out
        assert "64Mi" in out or form in ("patch", "kustomize", "values")
