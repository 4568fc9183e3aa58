from oomreport.kernel.text.killed import Chosen, Killed, Reaped, chosen_of, killed_of, reaped_of
from oomreport.kernel.text.kind import Kind, kind_of

KIB = 1024


def test_a_current_kill_line_gives_everything() -> None:
    text = (
        "Memory cgroup out of memory: Killed process 586 (app) total-vm:46640kB, anon-rss:41148kB, file-rss:4kB, "
        "shmem-rss:708kB, UID:99 pgtables:124kB oom_score_adj:-5"
    )
    assert killed_of(text) == Killed(
        pid=586, comm="app", uid=99, oom_score_adj=-5, total_vm_bytes=46640 * KIB, anon_rss_bytes=41148 * KIB,
        file_rss_bytes=4 * KIB, shmem_rss_bytes=708 * KIB, pagetables_bytes=124 * KIB,
    )  # fmt: skip


def test_the_user_stands_in_three_places() -> None:
    assert killed_of("Killed process 123, UID 48, (httpd) total-vm:1kB, anon-rss:2kB, file-rss:3kB") == Killed(
        pid=123, comm="httpd", uid=48, total_vm_bytes=KIB, anon_rss_bytes=2 * KIB, file_rss_bytes=3 * KIB
    )
    el7 = killed_of("Killed process 5 (java), UID 99, total-vm:1kB")
    assert el7 is not None
    assert (el7.comm, el7.uid) == ("java", 99)
    assert killed_of("Out of memory: Killed process 123, UID 48, (httpd).") == Killed(pid=123, comm="httpd", uid=48)


def test_a_name_that_imitates_the_fields_is_a_name() -> None:
    text = "Killed process 9 (x) total-vm:1kB) total-vm:4kB, anon-rss:8kB, file-rss:0kB"
    killed = killed_of(text)
    assert killed is not None
    assert (killed.comm, killed.total_vm_bytes) == ("x) total-vm:1kB", 4 * KIB)


def test_an_empty_name_is_a_name() -> None:
    killed = killed_of("Killed process 9 () total-vm:4kB")
    assert killed is not None
    assert killed.comm == ""


def test_a_line_cut_in_its_name_says_no_name() -> None:
    assert killed_of("Killed process 9 (ab") == Killed(pid=9)
    assert killed_of("Killed process ") is None


def test_older_kernels_say_vsz() -> None:
    assert killed_of("Killed process 7 (a) vsz:12kB, anon-rss:4kB, file-rss:1kB") == Killed(
        pid=7, comm="a", total_vm_bytes=12 * KIB, anon_rss_bytes=4 * KIB, file_rss_bytes=KIB
    )


def test_a_field_that_a_newer_kernel_prints_ends_no_name() -> None:
    text = "Killed process 9 (x) total-vm:1kB) total-vm:4kB, anon-rss:8kB, file-rss:0kB, lazyfree-rss:0kB, new_field:3"
    killed = killed_of(text)
    assert killed is not None
    assert (killed.comm, killed.total_vm_bytes) == ("x) total-vm:1kB", 4 * KIB)


def test_openvz_names_the_container_by_its_beancounter() -> None:
    # The form: https://kb.plesk.com/en/123671
    text = "Out of memory in UB 101: OOM killed process 212 (php-cgi) score 0 vm:2048kB, rss:1024kB, swap:0kB"
    assert kind_of(text) is Kind.KILLED
    assert killed_of(text) == Killed(pid=212, comm="php-cgi", total_vm_bytes=2048 * KIB, rss_bytes=1024 * KIB, score=0)


def test_the_oldest_kernels_write_memory_large() -> None:
    # The form: https://www.aslab.com/support/kb/38.html
    text = "Out of Memory: Killed process 212 (mysqld)."
    assert kind_of(text) is Kind.KILLED
    assert killed_of(text) == Killed(pid=212, comm="mysqld")


def test_the_chosen_process_has_the_printed_score() -> None:
    assert chosen_of("Out of memory: Kill process 12 (a (b)) score 786 or sacrifice child") == Chosen(
        pid=12, comm="a (b)", score=786
    )
    assert chosen_of("Out of memory: kill process 12 (a) score 5 or a child") == Chosen(pid=12, comm="a", score=5)


def test_the_reaper_names_a_process() -> None:
    assert reaped_of("oom_reaper: reaped process 8 (x), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB") == Reaped(8)
    assert reaped_of("oom_reaper: unable to reap pid:8 (x)") is None


def test_prose_behind_a_quoted_line_is_no_part_of_the_name() -> None:
    killed = killed_of("Memory cgroup out of memory: Killed process 1234 (in:thing)` (rsyslog).")
    assert killed is not None
    assert killed.comm == "in:thing"
