"""`oomreport list --watch`: each change is told once, and an API server that is away for a while ends nothing."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from oomreport.cli.main import main
from oomreport.cli.reports.listing import watch
from oomreport.errors import ApiError
from support.checkout import a_report

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = argparse.Namespace(output="table")


def report(name: str, version: str, kills: int = 1) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "shop", "name": name, "resourceVersion": version},
        "spec": {"workloadRef": {"name": name}, "container": "api"},
        "status": {"kills": kills},
    }


def watched(capsys: pytest.CaptureFixture[str], *looks: list[dict[str, Any]] | ApiError) -> tuple[list[str], str]:
    """Return the lines and the complaints of looks one after the other."""
    answers: Iterator[list[dict[str, Any]] | ApiError] = iter(looks)

    def read() -> list[dict[str, Any]]:
        try:
            answer = next(answers)
        except StopIteration:
            raise KeyboardInterrupt from None
        if isinstance(answer, ApiError):
            raise answer
        return answer

    with pytest.raises(KeyboardInterrupt):
        watch(TABLE, read, pause=lambda _: None)
    told = capsys.readouterr()
    return told.out.splitlines(), told.err


def test_what_is_there_is_told_first_and_then_what_is_new_or_changed(capsys: pytest.CaptureFixture[str]):
    web, cart = report("web", "1"), report("cart", "2")
    lines, _ = watched(capsys, [web], [web], [web, cart], [report("web", "3", kills=2), cart])
    assert [line.split()[1] for line in lines] == ["NAME", "web", "cart", "web"]


def test_a_cluster_without_reports_shows_the_head_and_then_the_first(capsys: pytest.CaptureFixture[str]):
    lines, _ = watched(capsys, [], [report("web", "1")])
    assert [line.split()[1] for line in lines] == ["NAME", "web"]


def test_an_api_server_that_is_away_is_asked_again_and_said_once(capsys: pytest.CaptureFixture[str]):
    away = ApiError("oomreports: the API server cannot be reached")
    lines, complaints = watched(capsys, [report("web", "1")], away, away, [report("web", "2")])
    assert [line.split()[1] for line in lines] == ["NAME", "web", "web"]
    assert complaints.count("trying again") == 1


def test_an_api_server_that_never_answered_ends_it(capsys: pytest.CaptureFixture[str]):
    def read() -> list[dict[str, Any]]:
        raise ApiError("oomreports: forbidden", status=403)

    assert watch(TABLE, read, pause=lambda _: None) == 2
    assert "forbidden" in capsys.readouterr().err


@pytest.mark.parametrize("more", [("-o", "json"), ("--reports", "reports.yaml")])
def test_a_watch_of_what_cannot_be_watched_is_refused(more: tuple[str, str], capsys: pytest.CaptureFixture[str]):
    assert main(["list", "--watch", *more]) == 2
    assert "--watch goes with a cluster" in capsys.readouterr().err


@pytest.mark.parametrize(("generation", "shown"), [(2, "RecommendationChanged"), (3, "Accepted")])
def test_a_review_of_another_recommendation_is_not_shown_as_accepted(
    generation: int, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    one = a_report("web", review={"decision": "Accepted"})
    one["metadata"]["generation"] = generation
    reviewed = {"type": "Reviewed", "status": "False", "reason": "RecommendationChanged", "observedGeneration": 2}
    one["status"]["conditions"] = [reviewed]
    (tmp_path / "reports.json").write_text(json.dumps(one))
    assert main(["list", "-o", "wide", "--reports", str(tmp_path / "reports.json")]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert row[head.index("REVIEW") :].split()[0] == shown
