from oomreport.kernel.framing.csv_rows import CsvRows
from oomreport.kernel.framing.stage import EntryText, Item

_SUMMARY = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,task=x,pid=1,uid=0"


def fed(*lines: str) -> list[Item | None]:
    rows = CsvRows()
    found: list[Item | None] = []
    for line in lines:
        done = rows.feed(line.encode())
        found += [None] if done is None else done
    return found + rows.flush()


def test_a_cell_that_reads_as_a_part_of_a_dump_is_the_text() -> None:
    (item,) = fed(f'2026-02-27,node-1,"{_SUMMARY}"')
    assert isinstance(item, EntryText)
    assert item.text == _SUMMARY


def test_a_quote_in_a_cell_is_doubled() -> None:
    (item,) = fed('node-1,"Out of memory: Killed process 5 (a""b,c) total-vm:8kB, anon-rss:4kB, file-rss:0kB"')
    assert isinstance(item, EntryText)
    assert item.text.startswith('Out of memory: Killed process 5 (a"b,c) total-vm')


def test_a_cell_goes_on_in_the_next_line() -> None:
    (item,) = fed("time,message", '1,"Memory cgroup stats for /a:', "anon 5", 'file 6"')
    assert isinstance(item, EntryText)
    assert item.text == "Memory cgroup stats for /a:\nanon 5\nfile 6"


def test_the_head_names_the_column_that_says_who_wrote_a_row() -> None:
    own, foreign = fed("facility,message", f'kern,"{_SUMMARY}"', f'user,"{_SUMMARY}"')
    assert isinstance(own, EntryText)
    assert isinstance(foreign, EntryText)
    assert (own.entry.kernel, foreign.entry.kernel) == (True, False)


def test_lines_in_a_cell_of_a_program_are_none_of_their_own() -> None:
    killed = "Out of memory: Killed process 5 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB"
    assert fed("facility,message", 'user,"x', killed, 'y"') == []


def test_the_kernels_own_commas_make_no_row() -> None:
    assert fed("[    9.000002] usb 1-1: Product: x,Killed process 5 (x)", _SUMMARY) == [None, None]


def test_a_row_whose_end_does_not_come_is_given_back() -> None:
    assert fed('1,"Memory cgroup stats for /a:', "anon 5") == [b'1,"Memory cgroup stats for /a:', b"anon 5"]
