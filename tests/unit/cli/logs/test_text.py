import io

import pytest

from oomreport.cli.logs.explained import Explained, spec_of
from oomreport.cli.logs.text import Style, style_for, told
from oomreport.kernel.reading.reader import invocations_of_text

LOG = (
    b"memory: usage 1000kB, limit 1000kB, failcnt 9\n"
    b"Memory cgroup stats for /a: cache:300KB rss:600KB shmem:100KB\n"
    b"[ pid ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n"
    + b"".join(
        b"[%5d]     0 %5d     1000      %3d    20480        0             0 p%d\n" % (n, n, n, n) for n in range(20, 29)
    )
    + b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=p28,pid=28,uid=0\n"
    b"Memory cgroup out of memory: Killed process 28 (p28) total-vm:4000kB, anon-rss:100kB, file-rss:12kB, shmem-rss:0kB\n"
)


def text_of(style: Style) -> str:
    (invocation,) = invocations_of_text(LOG.split(b"\n"))
    return told(Explained(invocation, spec_of(invocation)), number=1, style=style)


def test_a_bar_has_as_many_cells_as_its_shares_and_adds_up() -> None:
    lines = text_of(Style()).splitlines()
    (bar,) = (line for line in lines if line.startswith("   ["))
    drawn = bar[bar.index("[") + 1 : bar.index("]")]
    assert len(drawn) == 50
    shares = [line.split() for line in lines if line.endswith(" %")]
    assert sum(float(words[-2]) for words in shares) == pytest.approx(100.0, abs=0.3)
    assert {words[0] for words in shares} == set(drawn) - {" "}


def test_five_candidates_are_listed_the_killed_one_is_marked_and_the_rest_is_counted() -> None:
    lines = text_of(Style()).splitlines()
    rows = [line for line in lines if line.rstrip().endswith(('"', "(killed)")) and '"p' in line and "adj" not in line]
    assert sum("(killed)" in line for line in rows) == 1
    assert "   and 4 more" in lines


def test_text_keeps_within_its_width_and_is_plain_without_colour() -> None:
    assert max(map(len, text_of(Style(width=60)).splitlines())) <= 80
    assert "\x1b" not in text_of(Style())
    assert "\x1b[31m" in text_of(Style(colour=True))


@pytest.mark.parametrize(
    ("colour", "environment", "wanted"),
    [("always", {}, True), ("never", {}, False), ("auto", {}, False), ("always", {"NO_COLOR": "1"}, True)],
)
def test_colour_is_for_terminals_and_for_who_asks(
    colour: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, wanted: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert style_for(io.StringIO(), colour).colour is wanted
