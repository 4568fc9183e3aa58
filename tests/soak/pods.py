"""The workloads of a soak, and what each of their containers wrote down of its dead.

A parent outlives its children, so that pod status says nothing of them. A crash loop is a first process that dies at
each start; a newcomer dies once. All write into a folder of the node.
"""

from functools import partial
from pathlib import Path

from e2e.kube import Object, apply, eventually, items
from e2e.witness import memory_files, running_id
from e2e.workloads import container, pod, pod_spec
from soak.account import Dead, Written, dead, written
from soak.plan import CRASH_LOOPS, FIRST, Plan

# More than runc's own start needs in the cgroup.
LIMIT, MIB = "24Mi", "32"
_LONGEST_ABSENCE_SECONDS = 1200
_FIRST = ("comm", FIRST.encode().hex(), "self", MIB)
_OPEN, _CLOSED = "open", "closed"


class Pods:
    """The pods in a namespace, their folder on the node, and the truth."""

    def __init__(self, namespace: str, folder: Path, plan: Plan) -> None:
        self._namespace, self._folder, self._plan = namespace, folder, plan
        (folder / "truth").mkdir()
        (folder / "gate").mkdir()

    def create(self) -> None:
        """Create all but the newcomers; they wait for the gate."""
        each = [tuple(str(burst) for burst in bursts) for bursts in self._plan.bursts]
        # The last two parents share a pod.
        alone = [self._parent(f"parent-{number}", "api", bursts) for number, bursts in enumerate(each[:-2])]
        both = [
            self._container("parents", name, "bursts", MIB, *each[-2 + n]) for n, name in enumerate(("api", "second"))
        ]
        loops = [
            self._pod(f"loop-{number}", self._container(f"loop-{number}", "api", *_FIRST, "1", "0"))
            for number in range(CRASH_LOOPS - 1)
        ]
        beside = container("hold", "4", name="side", limit=LIMIT, request="8Mi")
        paired = self._pod("pair", self._container("pair", "api", *_FIRST, "1", "0"), beside)
        apply(*alone, self._pod("parents", *both), *loops, paired)

    def come(self, number: int) -> None:
        """Create a newcomer, as soon as the API server is there."""
        name = f"newcomer-{number}"
        one = self._pod(name, self._container(name, "api", *_FIRST, "0", "0"), restart="Never")
        eventually(f"pod {name}", partial(self._created, one), seconds=_LONGEST_ABSENCE_SECONDS, every=1)

    def all_run(self) -> bool:
        """Whether every container runs."""
        found = items("pods", self._namespace)
        return bool(found) and all(running_id(one, c["name"]) for one in found for c in one["spec"]["containers"])

    def open(self) -> None:
        """Let it begin."""
        (self._folder / "gate" / _OPEN).touch()

    def close(self) -> None:
        """Have no first process begin to use memory from here on."""
        (self._folder / "gate" / _CLOSED).touch()

    def parents_are_done(self) -> bool:
        """Whether every parent has buried its last child."""
        return all("children done" in self._text(name) for name in self._parents())

    def firsts_are_done(self) -> bool:
        """Whether no first process that uses memory is alive any more."""
        running = self._running()
        return all(not running[name] or self._written(name).closed for name in running if name not in self._parents())

    def truth(self) -> dict[str, Dead]:
        """Return the dead of each container, as pod/container."""
        running = self._running()
        return {name: dead(self._written(name), runs=runs) for name, runs in running.items()}

    def counters(self) -> dict[str, int]:
        """Return `oom_kill` of each parent's cgroup: what the kernel counted of its children."""
        found = {}
        for one in items("pods", self._namespace):
            for each in one["spec"]["containers"]:
                name, instance = f"{one['metadata']['name']}/{each['name']}", running_id(one, each["name"])
                if name in self._parents() and instance:
                    text = memory_files(instance)["memory.oom_control"]
                    found[name] = int(dict(line.split() for line in text.splitlines())["oom_kill"])
        return found

    @staticmethod
    def _created(one: Object) -> bool:
        apply(one)
        return True

    def _parents(self) -> list[str]:
        alone = [f"parent-{number}/api" for number in range(len(self._plan.bursts) - 2)]
        return [*alone, "parents/api", "parents/second"]

    def _running(self) -> dict[str, bool]:
        return {
            f"{one['metadata']['name']}/{each['name']}": running_id(one, each["name"]) is not None
            for one in items("pods", self._namespace)
            for each in one["spec"]["containers"]
            if each["name"] != "side"
        }

    def _text(self, name: str) -> str:
        file = self._folder / "truth" / name.replace("/", ".")
        return file.read_text() if file.exists() else ""

    def _written(self, name: str) -> Written:
        return written(self._text(name))

    def _parent(self, name: str, which: str, bursts: tuple[str, ...]) -> Object:
        return self._pod(name, self._container(name, which, "bursts", MIB, *bursts))

    def _container(self, of: str, name: str, *mode: str) -> Object:
        gates = ("after", f"/gate/{_OPEN}", "unless", f"/gate/{_CLOSED}")
        mounts = [{"name": "gate", "mountPath": "/gate", "readOnly": True}, {"name": "truth", "mountPath": "/truth"}]
        arguments = ("into", f"/truth/{of}.{name}", *gates, *mode)
        return container(*arguments, name=name, limit=LIMIT, request="8Mi", volumeMounts=mounts)

    def _pod(self, name: str, *containers: Object, restart: str = "Always") -> Object:
        volumes = [
            {"name": which, "hostPath": {"path": str(self._folder / which), "type": "Directory"}}
            for which in ("gate", "truth")
        ]
        return pod(name, self._namespace, pod_spec(*containers, restart=restart, volumes=volumes))
