from oomreport.kernel.text.meminfo import nodes_of, page_bytes_of, total_pages

_LINES = [
    "Node 0 Normal free:1kB min:1kB present:4096kB managed:4000kB",
    "Node 1 Normal free:1kB min:1kB present:8192kB managed:8000kB",
    "Total swap = 8kB",
    "3072 pages RAM",
    "72 pages reserved",
    "Node 0 DMA: 1*4kB (M) 0*8kB (M)",
]


def test_the_total_is_memory_that_is_not_reserved_and_swap() -> None:
    assert total_pages(_LINES, page_bytes=4096) == 3072 - 72 + 2
    assert total_pages(_LINES[:4], page_bytes=4096) is None


def test_of_some_nodes_only_theirs_counts() -> None:
    assert total_pages(_LINES, page_bytes=4096, nodes=frozenset({1})) == 2048 + 2
    assert total_pages(_LINES, page_bytes=4096, nodes=frozenset({2})) is None
    assert total_pages(_LINES, page_bytes=4096, nodes=frozenset()) is None


def test_the_first_free_block_is_one_page() -> None:
    assert page_bytes_of(_LINES) == 4096
    assert page_bytes_of(["Node 0 DMA: 1*64kB (M)"]) == 65536
    assert page_bytes_of(_LINES[:4]) is None


def test_a_mask_lists_nodes_and_ranges() -> None:
    assert nodes_of("0-1,3") == frozenset({0, 1, 3})
    assert nodes_of(None) == frozenset()
    assert len(nodes_of("0-99999999999")) <= 4097


def test_a_number_of_too_many_digits_is_no_number() -> None:
    assert total_pages([*_LINES[:3], "7" * 30 + " pages RAM", "72 pages reserved"], page_bytes=4096) is None
