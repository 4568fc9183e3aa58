import argparse
import json
from pathlib import Path

import pytest

from oomreport.cli.reports.report_source import documents_in, reports_for, reports_of_file
from oomreport.errors import InputUnreadable
from support.checkout import a_report


def arguments(path: Path, *, namespace: str | None = None, selector: str | None = None) -> argparse.Namespace:
    return argparse.Namespace(reports=str(path), namespace=namespace, selector=selector, all_namespaces=False)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    reports = [a_report("web"), a_report("api", labels={"team": "a"}), a_report("web", namespace="other")]
    path = tmp_path / "reports.json"
    path.write_text(json.dumps({"kind": "List", "items": reports}))
    return path


def names(found: list[dict[str, object]]) -> list[str]:
    return [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in found]  # type: ignore[index]


def test_reports_of_a_file_come_in_order_of_namespace_and_name(exported: Path) -> None:
    assert names(reports_for(arguments(exported))) == [
        "other/deployment-web-api",
        "shop/deployment-api-api",
        "shop/deployment-web-api",
    ]


def test_a_namespace_and_labels_select_as_kubectl_does(exported: Path) -> None:
    assert names(reports_for(arguments(exported, namespace="other"))) == ["other/deployment-web-api"]
    assert names(reports_for(arguments(exported, selector="team=a"))) == ["shop/deployment-api-api"]
    assert len(reports_for(arguments(exported, selector="team!=a"))) == 2


def test_a_selector_that_a_file_cannot_answer_is_a_mistake(exported: Path) -> None:
    with pytest.raises(InputUnreadable, match="--selector team in"):
        reports_for(arguments(exported, selector="team in (a)"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("kind: Pod\n", "is of kind 'Pod', not OOMReport"),
        ("a: [\n", "neither JSON nor YAML"),
        ("just words\n", "holds no reports"),
        ("kind: List\nitems: {a: 1}\n", "items is no list"),
    ],
)
def test_a_file_without_reports_says_what_it_is_instead(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "reports.yaml"
    path.write_text(text)
    with pytest.raises(InputUnreadable, match=words):
        reports_of_file(str(path))


def test_times_and_numbers_of_yaml_stay_as_json_would_have_them() -> None:
    assert documents_in("time: 2026-11-20T20:21:07Z\nsize: 256Mi\n---\nb: 2\n", "f") == [
        {"time": "2026-11-20T20:21:07Z", "size": "256Mi"},
        {"b": 2},
    ]
