"""One soak from its first pod to its figures."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from e2e.kube import AGENT_NAMESPACE, CONTROLLER_NAMESPACE, eventually, items, kubectl, roll_out
from e2e.nodes import chosen
from e2e.reports import counted_ids
from soak.account import Account, account, twice
from soak.faults import AGENT, CONTROLLER, Faults, lease_changes, machine_kills
from soak.plan import Plan
from soak.pods import Pods

# What is late is told late: records come one by one behind a long absence, and a replaced pod starts anew.
_LEAST_PATIENCE_SECONDS = 120.0
# What may still be added comes within the controller's grace (15 s) and the wait of the agent's counters (10 s).
_QUIET_SECONDS = 30.0
_LOOK_SECONDS = 3.0
_UNKNOWABLE = (
    "first processes that died while the agent read nothing, whose lines were overwritten before it did, whose cgroup"
    " went with them, and whose end pod status did not show long enough"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a soak found. `machine` is how many processes this kernel killed meanwhile, whoever's they were."""

    seed: int
    seconds: int
    account: Account
    twice: list[str]
    machine: int
    faults: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return the figures as `make soak` prints them."""
        one = self.account
        numbers = {
            name: getattr(one, name) for name in ("kills", "counted", "elsewhere", "lost", "doubled", "unknowable")
        }
        told = {"twice": self.twice, "wrong": one.wrong} if self.twice or one.wrong else {}
        why = {"unknowable_are": _UNKNOWABLE} if one.unknowable else {}
        return {
            **numbers,
            "faults": self.faults,
            "machine": self.machine,
            "seed": self.seed,
            "seconds": self.seconds,
            **told,
            **why,
        }


def soak(namespace: str, plan: Plan, say: Callable[[str], None]) -> Figures:
    """Run a plan in a namespace that is empty. Raises AssertionError where something did not happen at all."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-", dir="/var/tmp") as folder, _two_controllers():
        Path(folder).chmod(0o755)
        pods, faults = Pods(namespace, Path(folder), plan), Faults(say)
        pods.create()
        eventually("every pod runs", pods.all_run, seconds=120)
        # Their last kills would be told of this node while the account is open.
        eventually("the pods of other tests are gone", partial(_is_alone, namespace), seconds=120)
        changes, machine, opened = lease_changes(), machine_kills(), datetime.now(UTC)
        pods.open()
        _have_it_happen(plan, pods, faults)
        pods.close()
        eventually("the last child is buried", pods.parents_are_done, seconds=_patience(plan))
        eventually("no first process is left", pods.firsts_are_done, seconds=60)
        machine = machine_kills() - machine
        found = _settled(namespace, pods, faults, since=opened, patience=_patience(plan))
        changes = lease_changes() - changes
        kubectl("delete", "pods", "--all", "-n", namespace, "--wait=true")
    return Figures(
        seed=plan.seed,
        seconds=round(time.monotonic() - began),
        account=found,
        twice=twice(counted_ids(namespace)),
        machine=machine,
        faults={**dict(sorted(faults.struck.items())), "lease_changed_hands": changes},
    )


def _patience(plan: Plan) -> float:
    """Return for how many seconds behind everything in the plan nothing may be told before the last kill is."""
    return max(_LEAST_PATIENCE_SECONDS, plan.seconds / 5)


def _settled(namespace: str, pods: Pods, faults: Faults, *, since: datetime, patience: float) -> Account:
    """Return the account once it is even and stays so, or when for so many seconds nothing more was told.

    An agent sends its records one by one: on a machine without processor time thousands of them come late.
    """
    dead = pods.truth()
    # A cgroup counts from its own beginning.
    counters = {name: count for name, count in pods.counters().items() if not dead[name].firsts}
    seen = {name: dead[name].children for name in counters}
    assert seen == counters, f"parents saw {seen} children die, their cgroups count {counters}"
    truth = {name: of.kills for name, of in dead.items()}

    def look() -> Account:
        told, unnamed = _told(namespace), _unnamed(namespace, since)
        return account(truth, told, firm=counters.keys(), unnamed=unnamed, unknowable=faults.unreadable)

    counted, end = -1, 0.0
    while (found := look()).lost or found.unknowable:
        if found.counted > counted:
            counted, end = found.counted, time.monotonic() + patience
        if time.monotonic() > end:
            break
        replace_waiting()
        time.sleep(_LOOK_SECONDS)
    time.sleep(_QUIET_SECONDS)
    return look()


class _Lane(threading.Thread):
    """Has things happen one after the other, each at its time (by the monotonic clock) or as soon as it can."""

    def __init__(self, happenings: Iterable[tuple[float, Callable[[], None]]]) -> None:
        super().__init__(daemon=True)
        self._happenings = happenings
        self.problem: Exception | None = None

    def run(self) -> None:
        """Go through all of them; the first that fails ends the lane."""
        try:
            for at, happen in self._happenings:
                time.sleep(max(0.0, at - time.monotonic()))
                happen()
        except Exception as problem:  # noqa: BLE001 - the main thread raises it
            self.problem = problem


def _have_it_happen(plan: Plan, pods: Pods, faults: Faults) -> None:
    """Have everything in the plan happen, the faults of the API server beside those of the node."""
    began = time.monotonic()
    lanes = [
        _Lane([(began + one.at, partial(faults.strike, one)) for one in plan.node]),
        _Lane([(began + one.at, partial(faults.strike, one)) for one in plan.api]),
        _Lane([(began + at, partial(pods.come, number)) for number, at in enumerate(plan.newcomers)]),
    ]
    for lane in lanes:
        lane.start()
    while any(lane.is_alive() for lane in lanes) or time.monotonic() < began + plan.seconds:
        time.sleep(_LOOK_SECONDS)
        with suppress(AssertionError):  # the API server may be away
            replace_waiting()
    for lane in lanes:
        if lane.problem:
            raise lane.problem


def replace_waiting() -> None:
    """Replace pods of the product that the kubelet lets wait after they ended too often."""
    for namespace in (AGENT_NAMESPACE, CONTROLLER_NAMESPACE):
        for pod in items("pods", namespace):
            states = [one.get("state", {}) for one in pod["status"].get("containerStatuses", ())]
            if any(state.get("waiting", {}).get("reason") == "CrashLoopBackOff" for state in states):
                kubectl("delete", "pod", pod["metadata"]["name"], "-n", namespace, "--wait=false")


@contextmanager
def _two_controllers() -> Iterator[None]:
    deployment = f"deploy/{CONTROLLER}"
    kubectl("scale", deployment, "-n", CONTROLLER_NAMESPACE, "--replicas=2")
    try:
        roll_out(deployment, CONTROLLER_NAMESPACE)
        yield
    finally:
        kubectl("scale", deployment, "-n", CONTROLLER_NAMESPACE, "--replicas=1")
        replace_waiting()
        roll_out(deployment, CONTROLLER_NAMESPACE)
        roll_out(f"ds/{AGENT}", AGENT_NAMESPACE)


def _told(namespace: str) -> dict[str, int]:
    """Return the kills that reports count, by pod/container."""
    return {
        f"{spec['workloadRef']['name']}/{spec['container']}": report.get("status", {}).get("kills", 0)
        for report in items("oomreports", namespace)
        if (spec := report["spec"])["container"] != "unknown"
    }


def _is_alone(namespace: str) -> bool:
    ours = {namespace, CONTROLLER_NAMESPACE, AGENT_NAMESPACE, "kube-system"}
    here = [pod for pod in items("pods") if pod["spec"].get("nodeName") == chosen().name]
    return {pod["metadata"]["namespace"] for pod in here} <= ours


def _unnamed(namespace: str, since: datetime) -> int:
    """Return the kills told of no known container, or of the product's own, which nothing kills by memory here.

    Those from before the beginning are left out, and those of other nodes.
    """
    return sum(
        datetime.fromisoformat(entry["time"]) >= since
        for where in (namespace, CONTROLLER_NAMESPACE, AGENT_NAMESPACE)
        for report in items("oomreports", where)
        if where != namespace or report["spec"]["container"] == "unknown"
        if report["spec"]["workloadRef"]["kind"] != "Node" or report["spec"]["workloadRef"]["name"] == chosen().name
        for entry in report.get("status", {}).get("counted", ())
    )
