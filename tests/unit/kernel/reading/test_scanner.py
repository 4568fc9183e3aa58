from oomreport.kernel.reading.scanner import Scanner

_KILLED = b"[    9.000002] Memory cgroup out of memory: Killed process 5 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB\n"


def test_a_line_may_come_in_pieces() -> None:
    scanner = Scanner()
    found = [one for at in range(len(_KILLED)) for one in scanner.feed(_KILLED[at : at + 1])] + scanner.flush()
    assert [one.victims[0].pid for one in found] == [5]


def test_a_line_without_end_is_not_held() -> None:
    scanner = Scanner()
    for _ in range(40):
        scanner.feed(b"x" * 65_536)
    assert len(scanner._rest) < 1 << 20


def test_the_first_line_with_a_phrase_is_remembered() -> None:
    scanner = Scanner()
    assert scanner.seen == b""
    scanner.feed(b"hello\nmsg: Out of memory, said somebody\n" + _KILLED)
    assert scanner.seen == b"msg: Out of memory, said somebody"


def test_a_programs_message_with_newlines_far_from_its_beginning_is_the_programs() -> None:
    message = b"Nov 30 10:56:53 node-1 app[1]: x\n" + b" " * 31 + _KILLED[15:]
    scanner = Scanner()
    assert scanner.feed(b"Nov 30 10:56:52 node-1 kernel: eth0: link\n" * 500 + message) + scanner.flush() == []


def test_a_phrase_in_a_line_that_was_read_already_is_remembered_too() -> None:
    scanner = Scanner()
    head = b"[    9.000003] [ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name"
    scanner.feed(b"[    9.000001] 1680 total pagecache pages\n[    9.000002] Free swap  = 0kB\n" + head + b"\n")
    assert scanner.seen == head
