import pytest

from oomreport.kernel.text.table import Columns, CutRow, Row, columns_of, row_of

_HEAD = "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"
_ROW = "[    212]     0   212    14924    13669   151552        1           939 node"
_READ = Row(212, "node", 0, 212, 14924, 13669, 1, 151552, None, 939)


def test_the_head_names_the_columns() -> None:
    columns = columns_of(_HEAD)
    assert columns.names == ("uid", "tgid", "total_vm", "rss", "pgtables_bytes", "swapents", "oom_score_adj")
    assert row_of(_ROW, columns) == _READ


def test_without_a_head_the_number_of_columns_tells() -> None:
    assert row_of(_ROW) == _READ
    old = row_of("[  212]     0   212    14924    13669      31        1           939 node")
    assert old == Row(212, "node", 0, 212, 14924, 13669, 1, None, 31, 939)


def test_a_cut_head_rules_out_what_it_does_not_name() -> None:
    assert columns_of(_HEAD[:40]) == Columns(begun=("uid", "tgid", "total_vm"))
    assert row_of(_ROW, columns_of(_HEAD[:40])) == _READ
    assert row_of(_ROW, Columns(begun=("uid", "total_vm"))) == CutRow(212, 212)


def test_page_tables_of_several_levels_are_summed() -> None:
    head = columns_of("[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds nr_puds swapents oom_score_adj name")
    row = row_of("[    7]     0     8        9       10      20       3       2        0             0 x", head)
    assert isinstance(row, Row)
    assert (row.pagetable_pages, row.pagetable_bytes) == (25, None)


@pytest.mark.parametrize("name", ["", " x", "a b", "[1] 2 3", "a\nb"])
def test_a_name_is_the_rest_of_the_row(name: str) -> None:
    row = row_of(_ROW[: -len("node")] + name, columns_of(_HEAD))
    assert isinstance(row, Row)
    assert row.comm == name


def test_a_row_cut_before_its_name_still_tells_its_thread_group() -> None:
    assert row_of(_ROW[:40], columns_of(_HEAD)) == CutRow(212, 212)
    assert row_of(_ROW[:-6], columns_of(_HEAD)) == CutRow(212, 212)  # within the last column
    assert row_of("[  212]     0   2", columns_of(_HEAD)) is None


def test_a_number_of_too_many_digits_is_no_number() -> None:
    assert row_of(_ROW.replace("13669", "7" * 15), columns_of(_HEAD)) == CutRow(212, 212)
    assert row_of(_ROW.replace("[    212]", f"[{'7' * 11}]"), columns_of(_HEAD)) is None
