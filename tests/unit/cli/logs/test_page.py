"""The page of explained kills as a tree of elements; `tests/pages` shows it in a browser."""

from html.parser import HTMLParser

from oomreport.cli.logs.explained import Explained, spec_of
from oomreport.cli.logs.page import page
from oomreport.kernel.reading.reader import invocations_of_text

EVIL = "</pre><script>"
KILLED = "Memory cgroup out of memory: Killed process %d (%s) total-vm:40kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB"


class Elements(HTMLParser):
    """Notes the elements, and that each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.seen.append(tag)
        if tag not in ("meta", "rect", "line"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page_of(*comms: str) -> Elements:
    log = "\n".join(f"[{number:5d}.000001] {KILLED % (number, comm)}" for number, comm in enumerate(comms, 100))
    records = [Explained(one, spec_of(one)) for one in invocations_of_text(log.encode().split(b"\n"))]
    return Elements(page(records, knows_pods=False))


def test_nothing_in_a_log_becomes_more_than_text() -> None:
    elements = page_of(EVIL)
    assert not {"script", "img", "iframe", "link", "a"} & set(elements.seen)
    assert any(EVIL in text for text in elements.texts)


def test_each_record_is_an_article_with_the_kernels_text_folded() -> None:
    elements = page_of("a", "b", "c")
    assert elements.seen.count("details") == elements.seen.count("pre") == elements.seen.count("article")
    assert "article" in elements.seen


def test_a_log_without_a_record_says_so() -> None:
    elements = Elements(page([], knows_pods=False, others=["The input is empty."]))
    assert {"No OOM kill by the kernel found.", "The input is empty."} <= set(elements.texts)
    assert "article" not in elements.seen
