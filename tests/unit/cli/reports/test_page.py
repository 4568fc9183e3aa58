"""The page of a cluster: what it shows, and that nothing in a report can become more than text."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from oomreport.cli.main import main
from oomreport.cli.reports.curve import curve
from oomreport.cli.reports.page import page
from oomreport.incident.kill import Kill
from oomreport.incident.memory.usage import Usage
from support.shown_reports import NOW, report_of


class Tags(HTMLParser):
    """Notes the tags, and that each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in ("meta", "rect", "line", "polyline"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def killed_after(*samples: int) -> Kill:
    return Kill(usage=Usage(start=NOW, interval_seconds=5, samples=samples))


def rows(text: str, title: str) -> list[str]:
    """Return the workloads that a section's table names."""
    section = text.split(f"<h2>{title}</h2>")[1].split("</section>", maxsplit=1)[0]
    return re.findall(r'<tr><td><a href="[^"]*">([^<]*)</a>', section)


def test_those_killed_most_come_first_and_what_waits_is_listed_by_itself():
    accepted = {"conditions": [{"type": one, "status": "True"} for one in ("Recommended", "Reviewed")]}
    text = page(
        [report_of("few", kills=1), report_of("most", kills=90), report_of("some", kills=7, **accepted)],
        cluster="",
        now=NOW,
    )
    assert rows(text, "Killed most") == ["shop/Deployment/most", "shop/Deployment/some", "shop/Deployment/few"]
    assert rows(text, "Waiting for review") == ["shop/Deployment/most", "shop/Deployment/few"]
    assert "<b>98</b>kills counted" in text
    assert "<b>2</b>wait for review" in text


def test_kills_are_shown_by_day():
    text = page([report_of("a", kills=2), report_of("b", kills=1)], cluster="", now=NOW)
    heights = re.findall(r'<rect [^>]* height="([\d.]+)"/><text [^>]*>(\d+)</text>', text)
    assert [(float(height), count) for height, count in heights] == [(45.0, "1"), (90.0, "2")]


def test_a_report_shows_the_way_to_its_kill_why_and_what_to_change():
    text = page([report_of()], cluster="prod-eu", now=NOW)
    assert "<h1>OOM kills in prod-eu</h1>" in text
    assert 'aria-label="memory in the 75 s before the kill"' in text
    assert '<span class="warning">Warning</span> It will be killed again' in text
    assert "<b>RaiseLimit 144Mi</b>" in text


def test_a_report_names_the_victim_and_the_tool_that_keeps_the_manifest():
    text = page([report_of(managedBy={"tool": "ArgoCD", "namespace": "argocd", "name": "web"})], cluster="", now=NOW)
    assert "<th>victim</th><td>node</td>" in text
    assert "<th>manifest</th><td>ArgoCD argocd/web</td>" in text


def test_nothing_in_a_report_becomes_more_than_text():
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    hostile = report_of("web", findings=[{"rule": evil, "severity": evil, "message": evil}], managedBy={"tool": evil})
    hostile["metadata"]["name"] = hostile["spec"]["container"] = hostile["spec"]["workloadRef"]["name"] = evil
    hostile["status"]["lastKill"].update(
        victim={"pid": 7, "comm": evil + "\x1b[31m"}, pod=evil, node=evil, cause=evil, verdict=evil
    )
    hostile["status"]["recommendation"] = {"action": evil, "memoryLimit": evil, "basis": evil, "previousLimit": evil}
    tags = Tags(page([hostile], cluster=evil, now=NOW))
    assert not {"script", "img", "iframe", "link"} & set(tags.seen)
    assert all(link.startswith("#") for link in tags.links)


def test_every_link_leads_to_a_report_and_nothing_is_loaded():
    text = page([report_of(f"w{number}") for number in range(30)], cluster="", now=NOW)
    tags = Tags(text)
    assert {link.removeprefix("#") for link in tags.links} <= set(tags.ids)
    assert not re.search(r"https?://|url\(|@import", text)


@pytest.mark.parametrize("status", [{}, None, {"kills": 0, "lastKill": {}, "recommendation": {}}])
def test_a_report_without_a_status_is_shown_as_far_as_it_is_known(status: Any):
    bare = report_of()
    bare["status"] = status
    assert "shop/Deployment/web, container api: 0 kills" in page([bare], cluster="", now=NOW)


def test_a_cluster_without_reports_says_so():
    Tags(page([], cluster="", now=NOW))
    assert "There are no reports." in page([], cluster="", now=NOW)


def test_too_few_samples_make_no_picture_and_samples_of_nothing_do_not_divide_by_it():
    assert curve(killed_after(1)) == ""
    assert curve(Kill()) == ""
    assert "polyline" in curve(killed_after(0, 0))


def test_the_page_of_five_hundred_reports_stays_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, html = tmp_path / "reports.yaml", tmp_path / "page.html"
    file.write_text(
        yaml.safe_dump(
            {"apiVersion": "v1", "kind": "List", "items": [report_of(f"w{number}") for number in range(500)]}
        )
    )
    assert main(["report", "--html", str(html), "--reports", str(file)]) == 0
    assert "500 reports are in" in capsys.readouterr().err
    assert html.stat().st_size < 1_500_000


def test_a_page_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "reports.yaml"
    file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [report_of()]}))
    assert main(["report", "--html", str(tmp_path / "no/page.html"), "--reports", str(file)]) == 2
    assert f"{tmp_path}/no/page.html: No such file or directory" in capsys.readouterr().err
