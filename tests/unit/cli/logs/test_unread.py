from oomreport.cli.logs.unread import unread


def test_the_line_is_shown_and_cannot_steer_a_terminal() -> None:
    text = unread("a.log", b'  {"text": "\x1b[2JOut of memory: Killed process 5 (x)"}\n')
    assert text.endswith('is there: {"text": "\\x1b[2JOut of memory: Killed process 5 (x)"}')
    assert "\x1b" not in unread("a.log", b"\x1b]0;x\x07 invoked oom-killer \xff")


def test_a_part_of_a_dump_is_told_from_a_form_that_is_not_read() -> None:
    assert "a part of an OOM dump" in unread("a.log", b"  oom_kill_process+0x251/0x270")
    assert "a part of an OOM dump" in unread("a.log", b"[ pid ]   uid  tgid total_vm      rss oom_score_adj name")
    assert "somebody asked for an OOM kill" in unread("a.log", b"sysrq: Manual OOM execution")
    assert "No OOM kill can be read in a.log" in unread("a.log", b"msg=Out of memory")
