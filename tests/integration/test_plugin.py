"""The plugin for kubectl beside a real API server: every command, by Pythons without any package.

The same commands by the installed package are what it is compared with.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from integration.api_server import ADMIN, Object, holder_of, token
from integration.test_gitops import shop as shop  # noqa: PLC0414 - a fixture
from integration.test_gitops import stored
from pythons import Python, other_pythons
from support.checkout import a_report, workload

ROOT = Path(__file__).parents[2]
# The oldest and the newest of this machine; every command starts an interpreter, so more would take minutes.
PYTHONS = sorted({*other_pythons(), Python(release=sys.version_info[:3], program=Path(sys._base_executable))})
PYTHONS = [PYTHONS[0], *PYTHONS[1:][-1:]]
LOG = ROOT / "tests/records/kernel-5.10.0-46-cloud-amd64-cgv1-01-single-cgfs-besteffort/log.kmsg"
FAILED = {
    "hook": "shop/chat",
    "killID": "worker-3-9f1c2b7a-35435120",
    "event": "OOMKilled",
    "time": "2026-11-20T20:21:07.433434Z",
    "state": "Failed",
    "attempts": 3,
    "finishedTime": "2026-11-20T21:21:08Z",
}


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = importlib.util.spec_from_file_location("plugin", ROOT / "release/plugin.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    file = tmp_path_factory.mktemp("plugin") / module.NAME
    file.write_bytes(module.plugin_bytes(1_700_000_000))
    file.chmod(0o755)
    return file


@pytest.fixture(params=PYTHONS, ids=lambda python: python.version)
def bare(request: pytest.FixtureRequest, plugin: Path) -> list[str]:
    """The plugin as a Python runs it that sees neither installed packages nor the environment."""
    return [str(request.param.program), "-I", "-S", str(plugin)]


def ran(command: Sequence[str], *arguments: str, kubectl: bool = True, **more: str) -> tuple[int, str, str]:
    path = f"{Path(shutil.which('kubectl') or '').parent}:/usr/bin:/bin" if kubectl else "/nowhere"
    environment = {key: value for key, value in os.environ.items() if key not in ("PATH", "PYTHONPATH")}
    done = subprocess.run(
        [*command, *arguments],
        env={**environment, "PATH": path, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def by_package(*arguments: str) -> tuple[int, str, str]:
    return ran([sys.executable, "-m", "oomreport.cli.main"], *arguments)


def both(bare: Sequence[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command both ways and return the answer, which is the same but for how long ago something was."""
    ours, theirs = ran(bare, *arguments), by_package(*arguments)
    assert ours == theirs
    return ours


def test_what_only_reads_says_the_same_as_the_installed_command(bare: list[str], shop: str, tmp_path: Path) -> None:
    name = stored(a_report("web"))["metadata"]["name"]
    stored(a_report("db", limit="1Gi"))
    assert name in both(bare, "list", "-n", shop, "-o", "yaml")[1]
    assert name in both(bare, "export", "-n", shop, "-o", "json")[1]
    for form in ("values", "markdown", "wide"):
        assert "480Mi" in both(bare, "recommend", "-n", shop, "-o", form)[1]
    assert "480Mi" in both(bare, "recommend", "-A", "-l", "app!=other")[1]
    assert "worker-3" in both(bare, "show", "web", "-n", shop)[1]
    pages = [tmp_path / "ours.html", tmp_path / "theirs.html"]
    assert ran(bare, "report", "-n", shop, "--html", str(pages[0]))[0] == 0
    assert by_package("report", "-n", shop, "--html", str(pages[1]))[0] == 0
    assert name in pages[0].read_text()
    assert abs(len(pages[0].read_text()) - len(pages[1].read_text())) < 20, (
        "they differ in more than the time of writing"
    )


def test_doctor_says_the_same_as_the_installed_command(bare: list[str], shop: str) -> None:
    ours, theirs = ran(bare, "doctor", "-o", "json"), by_package("doctor", "-o", "json")
    assert ours[0] == theirs[0] == 1, ours
    found, expected = json.loads(ours[1]), json.loads(theirs[1])
    assert "not checked" not in {one["result"] for one in found}, found
    assert [(one["check"], one["result"]) for one in found] == [(one["check"], one["result"]) for one in expected]


def test_reviews_redeliveries_and_edits_are_written(bare: list[str], shop: str, tmp_path: Path) -> None:
    report = a_report("web")
    report["status"]["deliveries"] = [FAILED]
    name = stored(report)["metadata"]["name"]
    status, out, error = ran(bare, "accept", "web", "-n", shop, "--note", "as measured")
    assert (status, error) == (0, "")
    review = ADMIN.get("oomreport", name, "-n", shop)["spec"]["review"]
    assert (review["decision"], review["note"]) == ("Accepted", "as measured")
    assert review["reviewer"] == ADMIN.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    assert f"by {review['reviewer']}" in out
    assert ran(bare, "reject", name, "-n", shop, "--if-limit", "1Gi")[0] == 1
    assert ran(bare, "reject", name, "-n", shop)[0] == 0
    assert ran(bare, "accept", name, "-n", shop)[0] == 0

    assert ran(bare, "redeliver", name, "-n", shop)[0] == 0
    assert "oomreport.dev/redeliver" in ADMIN.get("oomreport", name, "-n", shop)["metadata"]["annotations"]
    status, _, error = ran(bare, "redeliver", "-n", shop, "--hook", "other")
    assert (status, "there is no hook other in namespace shop" in error) == (1, True), error

    manifest = tmp_path / "web.yaml"
    manifest.write_text(workload("Deployment", "web"))
    assert "480Mi" in ran(bare, "apply", str(tmp_path), "-n", shop, "--dry-run")[1]
    assert ran(bare, "apply", str(tmp_path), "-n", shop)[0] == 0
    assert "480Mi" in manifest.read_text()


def test_a_list_that_is_watched_ends_with_ctrl_c_and_leaves_no_proxy(bare: list[str], shop: str) -> None:
    name = stored(a_report("web"))["metadata"]["name"]
    before = proxies()
    watching = subprocess.Popen([*bare, "list", "-n", shop, "--watch"], stdout=subprocess.PIPE, text=True)
    assert watching.stdout
    assert "WORKLOAD" in watching.stdout.readline()
    assert name in watching.stdout.readline()
    assert proxies() != before
    watching.kill()  # not even time for a handler
    watching.wait()
    end = time.monotonic() + 10
    while proxies() != before:
        assert time.monotonic() < end, "the proxy outlives the command"
        time.sleep(0.05)


def proxies() -> set[str]:
    """The sockets of proxies that are served now."""
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return {word for line in found.splitlines() for word in line.split() if word.startswith("--unix-socket=")}


def test_logs_are_explained_and_pods_named_by_the_cluster(bare: list[str], shop: str) -> None:
    for form in ("text", "json", "yaml"):
        assert "my-app" in both(bare, "explain", str(LOG), "-o", form)[1]
    assert both(bare, "explain", str(LOG), "--context")[0] == 0
    status, out, error = ran(bare, "watch", "--past", "--source", "kmsg", "--help")
    assert (status, error) == (0, "")
    assert "CAP_SYSLOG" in out


def test_without_kubectl_a_kubeconfig_with_its_credentials_is_enough(
    bare: list[str], shop: str, tmp_path: Path
) -> None:
    name = stored(a_report("web"))["metadata"]["name"]
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": shop}}
    ADMIN.apply(account)
    assert ran(bare, "accept", "web", "-n", shop, kubectl=False)[0] == 0
    assert ADMIN.get("oomreport", name, "-n", shop)["spec"]["review"]["decision"] == "Accepted"
    holder = holder_of(token("default", shop), tmp_path)
    status, _, error = ran(bare, "list", "-n", shop, "--kubeconfig", str(holder.kubeconfig), kubectl=False)
    assert (status, "system:serviceaccount:shop:default" in error) == (2, True), error


def test_what_is_missing_is_said_in_one_line(bare: list[str], shop: str, tmp_path: Path) -> None:
    packed = tmp_path / "log.zst"
    packed.write_bytes(b"\x28\xb5\x2f\xfd rest")
    status, _, error = ran(bare, "explain", str(packed))
    assert status == 2
    assert error.strip() == (
        f"oomreport: {packed}: zstd takes the Python package zstandard, which is not installed; unpack it first: zstd -dc FILE"
    )
    program: Object = json.loads(ADMIN.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    program["users"][0]["user"] = {"exec": {"command": "aws"}}
    (tmp_path / "exec").write_text(json.dumps(program))
    status, _, error = ran(bare, "list", "-A", "--kubeconfig", str(tmp_path / "exec"), kubectl=False)
    assert (status, error.count("\n")) == (2, 1)
    assert "that takes kubectl or the Python package kubernetes, and neither is here" in error
    for arguments, words in (
        (("--context", "nowhere"), "nowhere"),
        (("--kubeconfig", str(tmp_path / "none")), "kubeconfig"),
    ):
        status, _, error = ran(bare, "list", "-A", *arguments)
        assert (status, words in error, error.count("\n")) == (2, True, 1), error


def test_a_cluster_that_does_not_answer_is_named_as_such(bare: list[str], shop: str, tmp_path: Path) -> None:
    config: Object = json.loads(ADMIN.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    broken = tmp_path / "kubeconfig"
    broken.write_text(json.dumps(config))
    for command in (("list", "-A"), ("doctor",), ("accept", "web", "-n", shop)):
        status, _, error = ran(bare, *command, "--kubeconfig", str(broken))
        assert (status, "the API server cannot be reached" in error) == (2, True), error
