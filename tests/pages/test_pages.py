"""The HTML pages in a real browser, light and dark, on a phone and on a desk.

What is judged are elements, not pixels.
"""

import struct
from pathlib import Path

import pytest

from oomreport.cli.main import main
from oomreport.cli.reports.page import page
from records.records import HERE
from support.browser import MISSING, Element, Measured, browser, measured
from support.shown_reports import NOW, report_of

pytestmark = pytest.mark.skipif(browser() is None, reason=MISSING)

# A phone of the smallest common width, and a desk.
WIDTHS = (360, 1280)
SCHEMES = ("light", "dark")
LOOKED_AT = "svg text, h1, h2, h3, p, p.when, li, td, th, tr, summary, pre, .scroll, svg, span.critical, span.warning, span.info, article"
LOGS = (
    "public-001-rhel7-docker-systemd-pod-limit",
    "public-205-patched-table-per-node-rss",
    "public-207-rpi-mail-wrapped-header",
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of three logs, and the page of a cluster."""
    folder = tmp_path_factory.mktemp("pages")
    explained, reports = folder / "explained.html", folder / "reports.html"
    assert main(["explain", "--html", str(explained), *(str(HERE / log / "log.txt") for log in LOGS)]) == 0
    reports.write_text(
        page([report_of("web"), report_of("a-name-" * 9, kills=90)], cluster="prod-eu", now=NOW), encoding="utf-8"
    )
    return {"explained": explained, "reports": reports}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["explained", "reports"])
def test_a_page_can_be_read(name: str, width: int, scheme: str, pages: dict[str, Path], tmp_path: Path) -> None:
    picture = tmp_path / f"{name}-{width}-{scheme}.png"
    shown = measured(pages[name], width=width, scheme=scheme, selector=LOOKED_AT, picture=picture)
    assert (shown.width, shown.dark) == (width, scheme == "dark")
    assert shown.loaded == []
    assert (sum(shown.ground[:3]) < 3 * 64) == shown.dark
    assert not is_too_wide(shown)
    texts = [one for one in shown.elements if one.shown and one.text.strip()]
    assert len(texts) > 30
    assert [(one.name, one.text, round(one.contrast, 2)) for one in texts if one.contrast < 4.5] == []
    assert all(one.width > 0 and one.height > 0 for one in shown.named("svg") if one.shown)
    # Smaller letters than of 8 pixels few can read; a picture that shrinks with the window has such.
    assert [one.text for one in shown.named("text") if one.shown and one.height < 8] == []
    assert png_width(picture) == width


def test_a_long_name_does_not_push_a_page_wider_than_a_phone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    path = "/kubepods.slice/" + "x" * 200 + ".slice"
    log.write_text(
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg={path},task_memcg={path},task=a,pid=7,uid=0\n"
        "Memory cgroup out of memory: Killed process 7 (a) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB\n"
    )
    assert main(["explain", "--html", str(tmp_path / "page.html"), str(log)]) == 0
    assert not is_too_wide(measured(tmp_path / "page.html", width=360, scheme="light", selector=LOOKED_AT))


def test_who_was_killed_stands_out_and_the_kernels_text_is_folded(pages: dict[str, Path]) -> None:
    shown = measured(pages["explained"], width=1280, scheme="light", selector=LOOKED_AT)
    assert len(shown.named("article")) == len(LOGS)
    killed, others = shown.named("tr.killed"), [one for one in shown.named("tr") if one.shown]
    assert killed
    assert {one.colour for one in killed}.isdisjoint(one.colour for one in others)
    assert not any(one.shown for one in shown.named("pre"))
    assert all(one.shown for one in shown.named("summary"))


def is_too_wide(shown: Measured) -> list[tuple[str, str]] | bool:
    """Return what reaches beyond the window, but for what lies in a box that scrolls; False where nothing does."""
    boxes = [one for one in shown.elements if one.scrolls and one.right <= shown.width]
    assert shown.overflow <= 0
    beyond = [one for one in shown.elements if one.shown and one.right > shown.width + 1 and not lies_in(one, boxes)]
    return [(one.name, one.text) for one in beyond] or False


def lies_in(one: Element, boxes: list[Element]) -> bool:
    """Return whether an element is a table's, or begins where a box that scrolls begins: all tables are in boxes."""
    return bool(boxes) and (one.name.split(".")[0] in ("tr", "td", "th", "svg", "text"))


def png_width(picture: Path) -> int:
    """Return the width that a PNG's header names."""
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    width: int = struct.unpack(">I", head[16:20])[0]
    return width
