from pathlib import Path

from oomreport.adapters.node.proc_files import ProcFiles


def test_the_count_of_kills_is_read_anew_each_time(tmp_path: Path) -> None:
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("nr_free_pages 5\noom_kill 7\nnuma_hit 1\n")
    proc = ProcFiles(tmp_path)
    assert proc.oom_kills() == 7
    vmstat.write_text("nr_free_pages 5\noom_kill 12\nnuma_hit 1\n")
    assert proc.oom_kills() == 12


def test_what_the_kernel_does_not_tell_is_none(tmp_path: Path) -> None:
    (tmp_path / "vmstat").write_text("nr_free_pages 5\nxoom_kill 3\n")
    proc = ProcFiles(tmp_path)
    assert proc.oom_kills() is None
    assert proc.boot_id() is None
    assert proc.kernel_release() is None
    assert proc.effective_capabilities() is None
    assert proc.dmesg_restrict()


def test_the_machine_that_runs_the_tests_can_be_read() -> None:
    proc = ProcFiles(Path("/proc"))
    assert len(proc.boot_id() or "") == 36
    assert proc.kernel_release()
    assert proc.effective_capabilities() is not None
