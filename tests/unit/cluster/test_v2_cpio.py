"""The archives from which the guest's kernel fills its RAM disk."""

import stat
from dataclasses import dataclass

from cluster.lab.v2_cpio import BLOCK, cpio


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    mode: int
    content: bytes


def read(archive: bytes) -> dict[str, Entry]:
    """As the kernel reads it: init/initramfs.c, do_header and do_name."""
    found: dict[str, Entry] = {}
    at = 0
    while True:
        assert archive[at : at + 6] == b"070701"
        assert at % 4 == 0
        fields = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[at + 110 : at + 110 + name_size]
        assert name.endswith(b"\0")
        body = (at + 110 + name_size + 3) // 4 * 4
        if name == b"TRAILER!!!\0":
            assert not archive[body:].strip(b"\0")
            return found
        found[name[:-1].decode()] = Entry(mode=mode, content=archive[body : body + size])
        at = (body + size + 3) // 4 * 4


def test_files_come_back_whatever_their_length() -> None:
    files = {f"file-{length}": b"x" * length for length in range(9)}
    assert {path: entry.content for path, entry in read(cpio(files)).items()} == files


def test_folders_come_before_what_is_in_them() -> None:
    paths = list(read(cpio({"etc/kubernetes/pki/ca.crt": b"", "etc/hosts": b""})))
    assert paths == ["etc", "etc/kubernetes", "etc/kubernetes/pki", "etc/kubernetes/pki/ca.crt", "etc/hosts"]


def test_a_mode_is_kept_and_the_others_are_those_of_plain_files() -> None:
    found = read(cpio({"init": b"#!", "a/key": b""}, modes={"init": 0o755}))
    assert found["init"].mode == stat.S_IFREG | 0o755
    assert found["a/key"].mode == stat.S_IFREG | 0o644
    assert found["a"].mode == stat.S_IFDIR | 0o755


def test_another_archive_may_follow() -> None:
    assert len(cpio({"a": b"1"})) % BLOCK == 0
