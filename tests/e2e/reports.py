"""The product's answer as a user sees it, and the comparison with what was observed from outside."""

from e2e.kube import CONTROLLER_NAMESPACE, Object, eventually, item, items
from e2e.nodes import chosen
from e2e.witness import RingKill, kills_of_pod, pods

ANNOTATIONS = ("last-kill", "kills", "victim", "cause", "report")


def report_of(namespace: str, kind: str, name: str, container: str = "api") -> Object | None:
    """Return the one report of a workload's container; two would be a defect."""
    found = [
        report
        for report in items("oomreports", namespace)
        if (ref := report["spec"]["workloadRef"])["kind"] == kind
        and ref["name"] == name
        and report["spec"]["container"] == container
    ]
    assert len(found) <= 1, f"{len(found)} reports of {kind} {name}"
    return found[0] if found else None


def counted_ids(namespace: str) -> list[str]:
    """Return the IDs of all kills that the ledgers of a namespace's reports, and of the nodes', count."""
    return [
        entry["id"]
        for where in (namespace, CONTROLLER_NAMESPACE)
        for report in items("oomreports", where)
        for entry in report.get("status", {}).get("counted", ())
        if entry["verdict"] != "Contradicted"
    ]


def settled_report(
    namespace: str,
    kind: str,
    name: str,
    container: str = "api",
    *,
    verdict: str | None,
    kills: int = 1,
    seconds: float = 60,
) -> Object:
    """Return the report once it shows the verdict (None: any) and the number of kills."""

    def look() -> Object | None:
        report = report_of(namespace, kind, name, container)
        status = (report or {}).get("status", {})
        shown = status.get("lastKill", {}).get("verdict")
        if status.get("kills") == kills and verdict in (None, shown):
            return report
        assert report, "no report"
        raise AssertionError(f"kills {status.get('kills')}, last {shown}")

    return eventually(f"{kind} {namespace}/{name} {verdict} with {kills} kills", look, seconds=seconds)


def child_verdict() -> str:
    """Return what becomes of a kill of a child: where its container goes as a group, pod status tells of it too."""
    return "Confirmed" if chosen().groups else "KernelOnly"


def children_killed(children: int) -> int:
    """Return how many of a container's children are killed, one after another, before the container is gone."""
    return 1 if chosen().groups else children


def report_of_every_kill(namespace: str, kind: str, name: str, *, kills: int, container: str = "api") -> Object:
    """Return the report once it names each victim that the ring has of the namespace's pods, `kills` at least.

    Where a container is restarted and killed again, both go on growing.
    """

    def look() -> Object | None:
        seen = [kill.pid for one in pods(namespace) for kill in kills_of_pod(one["metadata"]["uid"])]
        report = report_of(namespace, kind, name, container)
        # A report is created before its status is written.
        told = victim_pids(report) if report and "status" in report else []
        assert len(seen) >= kills, f"{len(seen)} kills in the ring"
        assert sorted(told) == sorted(seen), f"victims told: {told}, in the ring: {seen}"
        return report

    return eventually(f"the report of each kill of {kind} {namespace}/{name}", look, seconds=90)


def assert_victim(last: Object, kill: RingKill) -> None:
    """The report's victim is the process that the raw ring names, number for number."""
    victim = last["victim"]
    assert victim["pid"] == kill.pid
    assert victim["comm"] == kill.comm
    assert victim["anonRSSBytes"] == kill.anon_rss_bytes


def assert_annotated(namespace: str, pod: str, report: Object, kills: int = 1) -> None:
    """The pod carries the five annotations of the API, and they say what the report says."""

    def look() -> Object | None:
        found = item("pod", pod, namespace)
        annotations = (found or {}).get("metadata", {}).get("annotations", {})
        values = {key: annotations.get(f"oomreport.dev/{key}") for key in ANNOTATIONS}
        return values if values["kills"] == str(kills) else None

    values = eventually(f"annotations on pod {pod}", look, seconds=15)
    last = report["status"]["lastKill"]
    assert values["report"] == report["metadata"]["name"]
    assert values["cause"] == last["cause"]
    assert last["victim"]["comm"] in values["victim"]
    assert values["last-kill"][:19] == last["time"][:19]


def victim_pids(report: Object) -> list[int]:
    """Return the host pid of each recent kill's first victim, newest first, by the records that the report names."""
    records = {record["metadata"]["name"]: record["spec"] for record in items("oomrecords")}
    return [records[kill["id"]]["victims"][0]["pid"] for kill in report["status"]["recentKills"]]


def events_of(namespace: str, pod: str) -> list[Object]:
    """Return the product's Events about a pod."""
    return [
        event
        for event in items("events.events.k8s.io", namespace)
        if event["regarding"]["name"] == pod and "oomreport" in event.get("reportingController", "")
    ]
