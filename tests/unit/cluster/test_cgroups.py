"""The cgroup hierarchies of a machine, as /proc/self/mounts tells them."""

from pathlib import Path

from cluster.lab.cgroups import hierarchies

V1 = """\
tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
cgroup /mnt/elsewhere/memory cgroup rw,relatime,memory 0 0
"""
V2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot 0 0\n"


def roots(folder: Path, mounts: str) -> list[str]:
    file = folder / "mounts"
    file.write_text(mounts)
    return [str(root) for root in hierarchies(file)]


def test_each_hierarchy_of_version_1_is_found_once_at_its_usual_place(tmp_path: Path) -> None:
    assert roots(tmp_path, V1) == [
        "/sys/fs/cgroup/cpu,cpuacct",
        "/sys/fs/cgroup/memory",
        "/sys/fs/cgroup/systemd",
        "/sys/fs/cgroup/unified",
    ]


def test_version_2_has_one(tmp_path: Path) -> None:
    assert roots(tmp_path, V2) == ["/sys/fs/cgroup"]
