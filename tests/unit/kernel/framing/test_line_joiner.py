from oomreport.kernel.framing.line_joiner import LineJoiner
from oomreport.kernel.framing.stage import Item, TextLine
from oomreport.kernel.line import Line
from oomreport.kernel.record import Stamp

_SUMMARY = (
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=ollama.service,mems_allowed=0,"
    "oom_memcg=/system.slice/ollama.service,task_memcg=/system.slice/ollama.service,task=ollama,pid=1639807,uid=995"
)


def joined(*items: Item) -> list[str]:
    joiner = LineJoiner()
    done = [one for item in items for one in joiner.feed(item) or ()] + joiner.flush()
    assert joiner.idle
    return [one.text for one in done if isinstance(one, Line)]


def text(line: str, *, framed: bool = False, micros: int | None = None) -> TextLine:
    kernel_text = line.removeprefix("[    9.000002] ").strip(" ")
    return TextLine(Line(text=kernel_text, framed=framed, stamp=Stamp(monotonic_us=micros)), line)


def test_a_line_that_a_mail_broke_at_a_comma_is_put_together() -> None:
    at = _SUMMARY.index("mems_allowed")
    assert joined(text(f"[    9.000002] {_SUMMARY[:at]}", framed=True), text(_SUMMARY[at:])) == [_SUMMARY]


def test_a_line_that_a_terminal_broke_within_a_word_is_put_together() -> None:
    pieces = [text(_SUMMARY[:70], framed=True), text(_SUMMARY[70:140]), text(_SUMMARY[140:])]
    assert joined(*pieces) == [_SUMMARY]


def test_a_backslash_at_the_end_asks_for_the_next_line() -> None:
    killed = "Killed process 5 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB"
    assert joined(text(killed[:40].rstrip() + " \\", framed=True), text(killed[40:])) == [killed]


def test_what_follows_a_whole_line_is_a_line_of_its_own() -> None:
    assert joined(text(_SUMMARY, framed=True), text("something else")) == [_SUMMARY, "something else"]


def test_an_entry_ends_the_line_before_it() -> None:
    assert joined(text(_SUMMARY[:70], framed=True), Line(text="entry")) == [_SUMMARY[:70], "entry"]


def test_physical_lines_are_not_its_business() -> None:
    assert LineJoiner().feed(b"x") is None
