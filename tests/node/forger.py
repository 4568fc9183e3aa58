"""A program without any right that makes the kernel print text of its choice, by faults in a memfd of that name.

Run as `python -S forger.py SECONDS UID ID PATH..`: it forges dumps of kills in each path, and kill lines alone, as fast
as the kernel prints faults (ten in five seconds). It needs no capability, and works under a RuntimeDefault profile.
"""

import ctypes
import mmap
import os
import resource
import sys
import time

# What a memfd may be called: 249 bytes, any but NUL.
MOST_NAME = 249
PID = 4100000


def texts(paths: list[str], pod_uid: str, container_id: str) -> list[str]:
    """Return names of memfds, each of which puts lines of a dump into the text of one record."""
    short = f"/kubepods/pod{pod_uid}/{container_id}"
    kill = (
        "Memory cgroup out of memory: Killed process {pid} (java) total-vm:9000000kB, anon-rss:1040000kB, file-rss:0kB, "
        "shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n"
    )
    found = []
    for number, path in enumerate([*paths, short]):
        pid = PID + 10 * number
        found += [
            f"x\nmemory: usage 1048576kB, limit 1048576kB, failcnt 9\nMemory cgroup stats for {path}:\nz",
            f"x\noom-kill:constraint=CONSTRAINT_MEMCG,task_memcg={path},task=java,pid={pid},uid=0\nz",
            f"x\n{kill.format(pid=pid)}z",
            f"x\n{kill.format(pid=pid + 1)}{kill.format(pid=pid + 2)}z"[:MOST_NAME],
        ]
    return [
        *found,
        f"x\nOut of memory: Killed process {PID + 90} (java) total-vm:9kB, anon-rss:9kB, file-rss:0kB, shmem-rss:0kB\nz",
        f"x\nMemory cgroup out of memory: Kill process {PID + 91} (java) score 1 or sacrifice child\nz",
        f"x\nTasks in {short} are going to be killed due to memory.oom.group set\nz"[:MOST_NAME],
        "x\nKernel panic - not syncing: Out of memory\nz",
        f"x\n<3>[    1.000000] Out of memory: Killed process {PID + 92} (java) total-vm:9kB, anon-rss:9kB\nz",
    ]


def fault(text: str, comm: str) -> None:
    """Print the text in a record of the kernel: a child executes a memfd of that name and dies of it."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open("/proc/self/comm", "w") as file:  # noqa: PTH123 - a child after fork does as little as it can
        file.write(comm)
    descriptor = os.memfd_create(text[:MOST_NAME])
    os.ftruncate(descriptor, mmap.PAGESIZE)
    page = mmap.mmap(descriptor, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    at = ctypes.addressof(ctypes.c_char.from_buffer(page))
    ctypes.CDLL(None).mprotect(ctypes.c_void_p(at), mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC)
    ctypes.CFUNCTYPE(None)(at)()


def main() -> None:
    seconds, pod_uid, container_id, *paths = sys.argv[1:]
    ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    names = texts(paths, pod_uid, container_id)
    # What resembles a part of a dump as far as the 15 bytes of a comm go.
    comms = ("forger", "Kill process 1 ", "[1] 1 1 1 1 1 ", "anon 1", "x+0x1/0x2")
    end, number = time.monotonic() + float(seconds), 0
    while time.monotonic() < end:
        fault(names[number % len(names)], comms[number // len(names) % len(comms)])
        number += 1
        time.sleep(0.05)
    print(number)


if __name__ == "__main__":
    main()
