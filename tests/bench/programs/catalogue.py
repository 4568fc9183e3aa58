"""The programs, as people run them, small enough for many at a time."""

from dataclasses import dataclass

_JAVA = ("java", "-cp", "/srv", "-XX:+ExitOnOutOfMemoryError")
# Live memory in MiB, seconds to fill it, garbage in MiB a second.
_SERVICE = ("64", "25", "10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program and its load.

    command       what the container runs; `env` is its environment
    load          a second container of the pod, without a limit, that asks for the memory
    settles       seconds after which it has held all that it ever holds
    sizes_itself  it takes what the limit allows: its need is the least limit at which it lives, found by trying
    first         the first limit in MiB, for leaks, which have no need
    """

    name: str
    command: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    load: tuple[str, ...] = ()
    settles: float = 70.0
    sizes_itself: bool = False
    first: int | None = None

    @property
    def leaks(self) -> bool:
        """Whether no limit is enough."""
        return self.first is not None


def _java(name: str, collector: str, heap: str, *, live: int, outside: int, sizes_itself: bool) -> Program:
    load = (str(live), str(outside), *_SERVICE[1:])
    command = (*_JAVA, f"-XX:+Use{collector}GC", heap, "Service", *load)
    return Program(name=name, command=command, sizes_itself=sizes_itself)


# A leak's second instance must be older than ten minutes, when a container no longer counts as starting: rates are such
# that it fills the second limit in eleven.
PROGRAMS = (
    Program(name="python-leak", command=("python3", "/srv/service.py", "leak", "12.5"), first=40),
    Program(name="go-leak", command=("/srv/service", "leak", "12.5"), first=40),
    Program(name="node-leak", command=("node", "/srv/service.js", "leak", "13"), first=80),
    _java("java-g1", "G1", "-XX:MaxRAMPercentage=75", live=30, outside=50, sizes_itself=True),
    _java("java-serial", "Serial", "-XX:MaxRAMPercentage=75", live=30, outside=50, sizes_itself=True),
    Program(name="node", command=("node", "/srv/service.js", "15", "90", "25", "10"), sizes_itself=True),
    _java("java-g1-xmx", "G1", "-Xmx128m", live=64, outside=0, sizes_itself=False),
    _java("java-serial-xmx", "Serial", "-Xmx128m", live=64, outside=0, sizes_itself=False),
    Program(name="go", command=("/srv/service", *_SERVICE)),
    Program(name="go-limit", command=("/srv/service", *_SERVICE), env=(("GOMEMLIMIT", "100MiB"),)),
    Program(
        name="node-limit",
        command=("node", "--max-old-space-size=112", "/srv/service.js", "80", "10", "25", "10"),
    ),
    Program(name="python-cache", command=("python3", "/srv/service.py", "cache", "120", "40")),
    Program(
        name="redis",
        command=("redis-server", "--maxmemory", "96mb", "--maxmemory-policy", "allkeys-lru", "--dir", "/tmp"),
        load=("/srv/redis_load.sh",),
        # It saves by a fork once a minute, and what is written meanwhile is held twice.
        settles=150.0,
    ),
    Program(name="postgres", command=("/srv/postgres.sh",), load=("/srv/postgres_load.sh",)),
    Program(
        name="nginx",
        command=("nginx", "-c", "/srv/nginx.conf"),
        load=("python3", "/srv/slow_uploads.py", "1000", "25"),
    ),
    Program(name="compile", command=("/srv/compile.sh", "250", "5")),
)
