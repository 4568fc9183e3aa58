from datetime import UTC, datetime

import pytest

from oomreport.kernel.framing.prefix import unprefixed

_KILLED = "Out of memory: Killed process 5 (x) total-vm:8kB"


@pytest.mark.parametrize(
    "prefix",
    [
        "[    9.000002] ", "[    9.000002][ T1234] ", "[    9.000002 <    0.000012>] ", "[<    0.000012>] ",
        "[  +0.000004] ", "[Sat Apr 27 22:56:09 2019] ", "2026-02-27T23:58:41,120000+00:00 ", "kern  :warn  : [    9.000002] ",
        "<4>[    9.000002] ", "Oct  3 06:22:43 node-1 kernel: ", "Oct  3 06:22:43 kernel: [    9.000002] ",
        "<4>Oct  3 06:22:43 node-1 kernel: ", '<4>1 2026-02-27T23:58:41Z node-1 kernel - - [meta x="a\\]b"] ', "1764500214.956867 node-1 kernel: ",
        "Fri 2026-02-27 23:58:41 UTC node-1 kernel: ", "[    9.000002] node-1 kernel: ", "12:[    9.000002] ",
        "12-[    9.000002] ", "> > [    9.000002] ", "# Oct  3 06:22:43 node-1 kernel: ", "    ", "\ufeff", "OOMKilling: ",
        "Dec 27 09:19:05 2013 kernel: : [277622.359064] ",
    ],
)  # fmt: skip
def test_a_prefix_is_taken_off(prefix: str) -> None:
    found = unprefixed(prefix + _KILLED)
    assert (found.text, found.kernel) == (_KILLED, True)


@pytest.mark.parametrize(
    "line",
    [
        f"Oct  3 06:22:43 node-1 app[12]: {_KILLED}", f"[    9.000002] node-1 app[12]: {_KILLED}",
        f"user  :warn  : [    9.000002] {_KILLED}", f"<12>[    9.000002] {_KILLED}",
        f"<4>1 2026-02-27T23:58:41Z node-1 app - - - {_KILLED}", f"12:Oct  3 06:22:43 node-1 app[12]: {_KILLED}",
        "Oct  3 06:22:43 node-1 app: x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
    ],
)  # fmt: skip
def test_a_line_of_another_program_is_not_the_kernels(line: str) -> None:
    assert not unprefixed(line).kernel


def test_the_prefix_tells_time_host_and_facility() -> None:
    found = unprefixed(f"<4>1 2026-02-27T23:58:41Z node-1 kernel - - - [    9.000002] {_KILLED}")
    assert found.wall == datetime(2026, 2, 27, 23, 58, 41, tzinfo=UTC)
    assert (found.host, found.facility, found.monotonic_us) == ("node-1", 0, 9_000_002)


def test_a_comm_keeps_its_blanks_and_its_colon() -> None:
    text = "tmux: server invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"
    assert unprefixed(f"Oct  3 06:22:43 node-1 kernel: {text}").text == text
    assert unprefixed(f"[    9.000002]  {text}").text == f" {text}"
