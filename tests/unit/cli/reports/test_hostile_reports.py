"""Whatever stands in a report, or in a name of a checkout, steers no terminal and begins no line of its own.

Owner references are free text for the API server, annotations too; a process chooses its name.
"""

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from oomreport.cli.main import main
from support.checkout import GitCheckout, a_list, a_report, new_checkout, workload
from support.shown_reports import report_of

HOSTILE = "\x1b]0;pwned\x07\x1b[31m\r\nforged: line\u202e\u2028\x9b31m"
COMMANDS = (
    ("list", "-A"),
    ("list", "-A", "-o", "wide"),
    ("list", "-A", "-o", "yaml"),
    ("show", "deployment-web-api"),
    ("recommend", "-A"),
    ("recommend", "-A", "-o", "wide"),
    ("recommend", "-A", "-o", "markdown"),
    ("recommend", "-A", "-o", "patch"),
    ("recommend", "-A", "-o", "kustomize"),
    ("recommend", "-A", "-o", "values"),
    ("recommend", "-A", "-o", "yaml"),
    ("recommend", "-A", "-o", "json"),
    ("apply", "-A", "--dry-run", "--body", "{folder}/body", "{folder}/checkout"),
)
ANNOTATION = "values.oomreport.dev/api"


@pytest.fixture
def checkout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> GitCheckout:
    return new_checkout(tmp_path, capsys)


def texts(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the place of each text in a report."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts(inner, (*path, key))


def spoiled(report: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    made: Any = copy.deepcopy(report)
    place = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] += HOSTILE
    return dict(made)


def full_reports() -> tuple[dict[str, Any], ...]:
    """Two reports that have, between them, every field that the commands show."""
    owner = {"tool": "ArgoCD", "namespace": "argocd", "name": "web"}
    return (
        a_report(
            "web",
            review={"decision": "Accepted", "reviewer": "ada", "note": "go"},
            annotations={ANNOTATION: "values.yaml#api.resources"},
            managedBy=owner,
        ),
        report_of(),
    )


def assert_harmless(text: str) -> None:
    assert {char for char in text if not char.isprintable()} <= {"\n"}
    assert [line for line in text.splitlines() if line.startswith("forged")] == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_text_of_a_report_steers_a_terminal(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "web.yaml").write_text(workload("Deployment", "web"))
    name, *options = (word.format(folder=tmp_path) for word in command)
    for report in full_reports():
        for path in texts(report):
            file = tmp_path / "reports.json"
            file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [spoiled(report, path)]}))
            if name == "show" and path == ("metadata", "name"):
                options = [report["metadata"]["name"] + HOSTILE]
            assert main([name, "--reports", str(file), *options]) in (0, 2, 3)
            printed = capsys.readouterr()
            body = tmp_path / "body"
            assert_harmless(printed.out + printed.err + (body.read_text() if body.exists() else ""))


def test_an_annotation_puts_no_value_into_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = "values.yaml\nimage: evil#api.resources"
    file = tmp_path / "reports.yaml"
    file.write_text(a_list(a_report("web", annotations={ANNOTATION: said})))
    assert main(["recommend", "-A", "--reports", str(file), "-o", "values"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == {"api": {"resources": {"limits": {"memory": "480Mi"}}}}


def test_no_name_of_a_file_and_no_value_in_it_steers_a_terminal(checkout: GitCheckout) -> None:
    name = HOSTILE.replace("/", "-").replace("\n", "")
    checkout.write({f"{name}.yaml": workload("Deployment", "web"), f"{name}/web.yaml": workload("Deployment", "web")})
    checkout.write({"other.yaml": workload("Deployment", "other", memory=json.dumps(HOSTILE))})
    ran = checkout.apply([a_report("web"), a_report("other")])
    assert_harmless(ran.out + ran.err)
    assert "refused" in ran.out.lower()


@pytest.mark.parametrize(
    "said", ["values.yaml#[", "values.yaml#/" + "9" * 5000, "values.yaml#a[" + "9" * 5000 + "]", "#", "\0#a"]
)
def test_an_annotation_that_is_none_keeps_nobody_elses_change_away(
    checkout: GitCheckout, capsys: pytest.CaptureFixture[str], said: str
) -> None:
    checkout.write({".oomreport.yaml": "annotations: true\n", "values.yaml": "a: {}\n"})
    checkout.write({"web.yaml": workload("Deployment", "web"), "bad.yaml": workload("Deployment", "bad")})
    reports = [a_report("bad", annotations={ANNOTATION: said}), a_report("web")]
    ran = checkout.apply(reports)
    assert "480Mi" in checkout.text("web.yaml"), ran
    file = checkout.folder.parent / "reports.yaml"
    assert main(["recommend", "-A", "--reports", str(file), "-o", "values"]) == 0
    assert capsys.readouterr().out.count("480Mi") == 2


def test_a_configuration_that_is_a_device_or_huge_takes_no_memory(checkout: GitCheckout) -> None:
    checkout.write({"web.yaml": workload("Deployment", "web")})
    (checkout.folder.parent / "reports.yaml").write_text(a_list(a_report("web")))
    arguments = ["apply", ".", "--dry-run", "--reports", "../reports.yaml"]
    program = f"import sys; from oomreport.cli.main import main; sys.exit(main({arguments!r}))"
    limited = ["bash", "-c", f'ulimit -v 1000000; exec "{sys.executable}" -c "$0"', program]
    (checkout.folder / ".oomreport.yaml").symlink_to("/dev/zero")
    ran = subprocess.run(limited, cwd=checkout.folder, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, "480Mi" in ran.stdout) == (0, True), ran.stderr
    (checkout.folder / ".oomreport.yaml").unlink()
    with (checkout.folder / ".oomreport.yaml").open("wb") as file:
        file.truncate(20 << 30)
    ran = subprocess.run(limited, cwd=checkout.folder, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (2, "oomreport: .oomreport.yaml: is larger than 16 MiB\n")
