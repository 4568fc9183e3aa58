"""What a cgroup's files tell, by texts that real kernels printed."""

import json
import re
from pathlib import Path

import pytest

from oomreport.adapters.node.memory_detail import Detail, inactive_file, make_up
from support.node_files import V1, V2, FakeNode

RECORDS = Path(__file__).parents[3] / "records"
UID, ID = "9b02072e-3bc7-46e9-a439-c8eaf034527b", "7a" * 32
MIB = 1 << 20
# memory.stat of cgroup v1 as kernel 6.18 has it.
STAT_V1 = b"""cache 9646080
rss 8888320
rss_huge 0
shmem 9084928
mapped_file 7684096
dirty 57344
writeback 0
workingset_refault_anon 0
workingset_refault_file 31160
swap 0
swapcached 0
pgpgin 186279
pgpgout 181754
pgfault 260498
pgmajfault 0
inactive_anon 0
active_anon 1531904
inactive_file 8192
active_file 552960
unevictable 16441344
hierarchical_memory_limit 9223372036854771712
hierarchical_memsw_limit 9223372036854771712
total_cache 3284631552
total_rss 1142112256
total_rss_huge 0
total_shmem 9383936
total_mapped_file 488546304
total_dirty 8273920
total_writeback 0
total_workingset_refault_anon 0
total_workingset_refault_file 19289567
total_swap 4096
total_swapcached 0
total_inactive_anon 1132978176
total_active_anon 1908736
total_inactive_file 1317576704
total_active_file 1957711872
total_unevictable 16465920
"""
# memory.pressure as kernels print it, such as /proc/pressure/memory of 6.18.
PRESSURE = (
    "some avg10=24.81 avg60=6.02 avg300=0.00 total=129438910\nfull avg10=3.07 avg60=1.00 avg300=0.00 total=7639441\n"
)


def printed_stat(folder: str) -> tuple[bytes, dict[str, int]]:
    """Return memory.stat as the kernel printed it in a dump (on v2 the same text as the file), and its sizes."""
    log = (RECORDS / folder / "log.kmsg").read_text("utf-8", "replace")
    text = log[log.index("Memory cgroup stats for") : log.index("Tasks state")].replace("\\x0a", "\n")
    lines = (line.split(";", 1)[-1] for line in text.splitlines()[1:])
    stat = [line for line in lines if re.fullmatch(r"[a-z0-9_]+ \d+", line)]
    expected = json.loads((RECORDS / folder / "expected.json").read_text())
    return ("\n".join(stat) + "\n").encode(), expected[0]["memory"]["stat"]


@pytest.mark.parametrize(
    ("folder", "kernel"),
    [
        ("kernel-5.10.0-46-cloud-amd64-cgv2-05b-shmem-mapped", None),
        ("kernel-6.12.107+deb13-cloud-amd64-cgv2-14b-kmem-unix-sockets", 31449088),
    ],
)
def test_what_v2_kernels_print_is_understood(folder: str, kernel: int | None) -> None:
    text, stat = printed_stat(folder)
    found = make_up(text, 2)
    assert (found.anon, found.file, found.shmem) == (stat["anon"], stat["file"], stat["shmem"])
    assert inactive_file(text, 2) == stat["inactive_file"]
    # Before 5.18 the kernel's own memory is told by its parts.
    parts = sum(stat.get(key, 0) for key in ("kernel_stack", "pagetables", "percpu", "vmalloc", "slab", "sock"))
    assert found.kernel == (kernel or parts)


def test_what_a_v1_kernel_prints_is_understood_with_what_is_below() -> None:
    found = make_up(STAT_V1, 1)
    assert (found.anon, found.file, found.shmem) == (1142112256, 3284631552, 9383936)
    assert found.kernel is None
    assert inactive_file(STAT_V1, 1) == 1317576704
    assert Detail("/nonexistent", 1).swap(STAT_V1) == 4096


@pytest.mark.parametrize("version", [V1, V2])
def test_a_cgroup_tells_its_peak_limit_and_swap(tmp_path: Path, version: int) -> None:
    node = FakeNode(tmp_path, version)
    path = node.container(UID, ID, limit=64 * MIB)
    node.memory(path, 7 * MIB)
    node.detail(path, peak=65 * MIB, swap=3 * MIB, swap_limit=24 * MIB)
    detail = Detail(f"{node.root}{path}", version)
    assert (detail.limit(), detail.peak()) == (64 * MIB, 65 * MIB)
    assert detail.swap(detail.statistics()) == (None if version == V1 else 3 * MIB)
    assert detail.kernel() == (MIB if version == V1 else None)
    if version == V1:
        (node.root / path[1:] / "memory.memsw.limit_in_bytes").write_text(f"{88 * MIB}\n")
    assert detail.swap_limit(64 * MIB) == 24 * MIB


@pytest.mark.parametrize("version", [V1, V2])
def test_no_limit_is_none(tmp_path: Path, version: int) -> None:
    node = FakeNode(tmp_path, version)
    path = node.container(UID, ID)
    node.detail(path)
    detail = Detail(f"{node.root}{path}", version)
    assert detail.limit() is None
    assert detail.swap_limit(None) is None


def test_pressure_is_the_average_of_ten_seconds(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    path = node.container(UID, ID)
    (node.root / path[1:] / "memory.pressure").write_text(PRESSURE)
    assert Detail(f"{node.root}{path}", 2).pressure() == (24.81, 3.07)


@pytest.mark.parametrize("version", [V1, V2])
def test_a_cgroup_that_is_gone_tells_nothing(version: int) -> None:
    detail = Detail("/nonexistent/kubepods/gone", version)
    assert detail.statistics() == b""
    assert inactive_file(b"", version) == 0
    assert (detail.limit(), detail.peak(), detail.swap(b""), detail.kernel(), detail.pressure()) == (None,) * 5


def test_a_kernel_without_pressure_or_peak_tells_the_rest(tmp_path: Path) -> None:
    """PSI can be turned off; then opening the file fails. memory.peak came with 5.19."""
    node = FakeNode(tmp_path)
    path = node.container(UID, ID, limit=MIB)
    detail = Detail(f"{node.root}{path}", 2)
    assert (detail.limit(), detail.peak(), detail.pressure()) == (MIB, None, None)
