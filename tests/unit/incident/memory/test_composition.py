import pytest

from oomreport.incident.memory.composition import Composition, composition_of
from oomreport.kernel.record import MemoryUsage
from oomreport.workload.quantity import MI


def parts(stat: dict[str, int], *, used: int | None = None, held: int = 0) -> Composition:
    return composition_of(MemoryUsage(usage_bytes=used, stat=stat), held=held)


def test_cgroup_v1_and_v2_are_read_by_their_own_names() -> None:
    v1 = parts({"rss": 5 * MI, "cache": 3 * MI, "shmem": MI}, used=8 * MI)
    v2 = parts({"anon": 5 * MI, "file": 3 * MI, "shmem": MI, "slab": 2 * MI}, used=10 * MI)
    assert (v1.anonymous, v1.shmem, v1.page_cache, v1.kernel, v1.unlisted) == (5 * MI, MI, 2 * MI, 0, 0)
    assert (v2.anonymous, v2.shmem, v2.page_cache, v2.kernel, v2.unlisted) == (5 * MI, MI, 2 * MI, 2 * MI, 0)


def test_what_is_in_use_and_in_no_statistic_is_the_kernels() -> None:
    assert parts({"rss": 97 * MI, "cache": 3 * MI}, used=1024 * MI).unlisted == 924 * MI


@pytest.mark.parametrize("stat", [{}, {"rss": 97 * MI}, {"cache": 3 * MI}, {"slab": MI}])
def test_statistics_that_are_cut_leave_nothing_to_the_kernel(stat: dict[str, int]) -> None:
    assert parts(stat, used=1024 * MI).unlisted == 0


def test_what_the_table_shows_of_processes_is_not_the_kernels() -> None:
    assert parts({"rss": 0, "cache": 0}, used=1024 * MI, held=1000 * MI).unlisted == 24 * MI
    assert parts({"rss": 0, "cache": 0}, used=1024 * MI, held=2000 * MI).unlisted == 0


def test_the_kernels_sum_is_not_counted_beside_its_parts() -> None:
    assert (
        parts({"anon": 0, "file": 0, "kernel": 9 * MI, "slab": 4 * MI, "kernel_stack": MI, "sock": MI}).kernel
        == 10 * MI
    )
    assert composition_of(None) == Composition(anonymous=0, shmem=0, page_cache=0, kernel=0, unlisted=0)
