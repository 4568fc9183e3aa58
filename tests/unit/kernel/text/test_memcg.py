from oomreport.kernel.text.memcg import CgroupCounter, Stats, line_stats, memory_usage, stats_of, usage_of


def test_a_usage_line_names_its_counter() -> None:
    assert usage_of("memory+swap: usage 57344kB, limit 57344kB, failcnt 24") == CgroupCounter(
        "memory+swap", 57344, 57344, 24
    )
    assert usage_of("memory: usage 57344kB, limit 573") is None
    assert usage_of("memory: usage " + "7" * 16 + "kB, limit 1kB, failcnt 1") is None


def test_statistics_stand_on_the_line_before_5_3_and_below_it_since() -> None:
    assert stats_of("Memory cgroup stats for /a: cache:0KB rss:100KB") == Stats("/a", {"cache": 0, "rss": 102400})
    assert stats_of("Memory cgroup stats for /a:") == Stats("/a", {})
    assert stats_of("Memory cgroup stats for /a: cache:0KB rss:10").figures == {"cache": 0}
    assert stats_of("Memory cgroup stats for /a/b").path is None  # cut: /a/big, perhaps
    assert stats_of("Memory cgroup stats: cache:0KB rss:4KB") == Stats(None, {"cache": 0, "rss": 4096})


def test_a_record_may_hold_many_statistics() -> None:
    assert line_stats("anon 57610240\nfile 12288\nworkingset_refault(anon) 7") == {
        "anon": 57610240, "file": 12288, "workingset_refault(anon)": 7,
    }  # fmt: skip
    assert line_stats("anon 5 6\nfile 12288\n\nAnon 7") == {"file": 12288}


def test_a_number_that_no_field_holds_is_left_out() -> None:
    assert line_stats(f"anon {2**63}\nfile {2**63 - 1}\nshmem {'7' * 5000}") == {"file": 2**63 - 1}


def test_an_unlimited_limit_is_none() -> None:
    for unlimited in (9007199254740988, 18014398509481983, 8589934588):
        found = memory_usage([CgroupCounter("memory", 4, unlimited, 0)], {})
        assert found is not None
        assert (found.usage_bytes, found.limit_bytes) == (4096, None)


def test_swap_has_a_counter_in_v2_and_is_what_both_hold_more_than_memory_in_v1() -> None:
    second = memory_usage([CgroupCounter("memory", 40, 40, 9), CgroupCounter("swap", 3, 8, 1)], {})
    first = memory_usage([CgroupCounter("memory", 40, 40, 9), CgroupCounter("memory+swap", 43, 48, 1)], {})
    assert second is not None
    assert first is not None
    for found in (first, second):
        assert (found.swap_usage_bytes, found.swap_limit_bytes, found.failure_count) == (3072, 8192, 9)


def test_both_below_memory_alone_says_that_swap_is_not_accounted() -> None:
    found = memory_usage([CgroupCounter("memory", 40, 40, 9), CgroupCounter("memory+swap", 0, 48, 1)], {})
    assert found is not None
    assert (found.swap_usage_bytes, found.swap_limit_bytes) == (None, None)


def test_nothing_printed_is_nothing_known() -> None:
    assert memory_usage([], {}) is None
    statistics = memory_usage([], {"anon": 1})
    assert statistics is not None
    assert (statistics.usage_bytes, statistics.stat) == (None, {"anon": 1})
