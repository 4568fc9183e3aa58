"""Whatever dies, stalls or happens twice: each kill is counted once, on its own workload."""

import itertools
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from integration.api_server import CONTROLLER_NAMESPACE
from integration.controller.client import V1, Client, Object, ReportWatch, eventually
from integration.controller.conftest import Start
from integration.controller.process import Controller, free_port
from integration.controller.shop import Shop, record
from integration.controller.test_reports import send, settled
from oomreport.adapters.cluster.api_server import path

CLUSTER = Path(__file__).parents[2] / "cluster/cluster"


def kills_by_workload(shop: Shop) -> dict[str, int]:
    return {
        report["spec"]["workloadRef"]["name"]: report.get("status", {}).get("kills", 0)
        for report in shop.client.items(path(V1, "oomreports", namespace=shop.namespace))
    }


def unused(client: Client) -> list[str]:
    where = path(V1, "oomrecords") + "?fieldSelector=status.outcome%3D"
    return [one["metadata"]["name"] for one in client.items(where)]


def counted_once(shop: Shop, expected: dict[str, int], *, seconds: float = 60) -> None:
    """Wait until all records are used, then see that the number is right and stays."""

    def done() -> bool:
        assert not unused(shop.client)
        assert kills_by_workload(shop) == expected
        return True

    eventually("every kill counted once", done, seconds=seconds, every=0.2)
    time.sleep(3)
    assert kills_by_workload(shop) == expected


def send_all(records: list[Object], *, pause: float = 0.0) -> threading.Thread:
    def run() -> None:
        client = Client()
        for one in records:
            send(client, one)
            time.sleep(pause)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_restart_changes_nothing_and_catches_up(shop: Shop, start: Start):
    first = start()
    pod, other = shop.pod(shop.name("steady")), shop.pod(shop.name("unseen"))
    send(shop.client, record(pod, node=shop.node))
    pod.ends()
    settled(shop, f"pod-{pod.name}-api", kills=1, verdict="Confirmed")
    eventually("marked", lambda: not unused(shop.client))
    time.sleep(1.5)
    before = shop.client.call("GET", path(V1, "oomreports", namespace=shop.namespace, name=f"pod-{pod.name}-api"))
    assert first.terminate() == 0
    send(shop.client, record(other, node=shop.node))
    start()
    settled(shop, f"pod-{other.name}-api", kills=1, verdict="KernelOnly")
    time.sleep(4)
    after = shop.client.call("GET", path(V1, "oomreports", namespace=shop.namespace, name=f"pod-{pod.name}-api"))
    assert after == before


def test_a_storm_of_300_records_is_counted_once_in_few_writes(shop: Shop, start: Start):
    start()
    pods = [shop.pod(shop.name(f"storm{n}")) for n in range(10)]
    watch = ReportWatch(shop.namespace)
    watch.start()
    records = [record(pod, node=shop.node) for pod in pods for _ in range(30)]
    random.Random(7).shuffle(records)
    senders = [send_all(records[n::4]) for n in range(4)]
    for sender in senders:
        sender.join()
    counted_once(shop, {pod.name: 30 for pod in pods})
    writes = len({(one["metadata"]["name"], one["metadata"]["resourceVersion"]) for _, one in watch.seen})
    print(f"300 records, {writes} versions of 10 reports")
    assert writes < 250


def test_a_controller_killed_again_and_again_counts_each_kill_once(shop: Shop, start: Start):
    pods = [shop.pod(shop.name("killed")) for _ in range(4)]
    records = [record(pod, node=shop.node) for pod in pods for _ in range(15)]
    random.Random(11).shuffle(records)
    sender = send_all(records, pause=0.1)
    for pause in (0.4, 0.9, 0.15, 0.6):
        one = start("--no-leader-election", ready=False)
        eventually("the controller works", lambda one=one: one.messages() or one.probe("healthz"), seconds=30)
        time.sleep(pause)
        one.kill()
    for pod in pods[:2]:
        pod.ends()
    start("--no-leader-election")
    sender.join()
    counted_once(shop, {pod.name: 15 for pod in pods})


def test_two_controllers_at_once_count_each_kill_once(shop: Shop, start: Start):
    both = [start("--no-leader-election", ready=False) for _ in range(2)]
    for one in both:
        one.wait_ready()
    pods = [shop.pod(shop.name("twice")) for _ in range(5)]
    records = [record(pod, node=shop.node) for pod in pods for _ in range(12)]
    sender = send_all(records, pause=0.01)
    sender.join()
    for pod in pods:
        pod.ends()
    silent = [shop.pod(shop.name("status-only")) for _ in range(3)]
    for pod in silent:
        pod.ends()
    counted_once(shop, {pod.name: 12 for pod in pods} | {pod.name: 1 for pod in silent})
    written = [sum(line["message"] == "report written" for line in one.messages()) for one in both]
    assert all(written), f"one of them did nothing: {written}"
    assert [line for one in both for line in one.messages("error")] == []


def test_two_controllers_at_once_match_anonymous_records_once(shop: Shop, start: Start):
    for one in [start("--no-leader-election", ready=False) for _ in range(2)]:
        one.wait_ready()
    pods = [shop.pod(shop.name("anonymous")) for _ in range(6)]
    for pod in pods:
        pod.ends()
    for _ in pods:
        send(shop.client, record(None, node=shop.node))
    counted_once(shop, {pod.name: 1 for pod in pods})


def test_a_second_controller_waits_and_takes_over_when_the_first_ends(shop: Shop, start: Start):
    first = start("--identity=first")
    second = start("--identity=second")
    assert (first.probe("readyz")["role"], second.probe("readyz")["role"]) == ("leader", "standby")
    began = time.monotonic()
    assert first.terminate() == 0
    ended = time.monotonic()
    eventually("the second leads", lambda: second.probe("readyz").get("role") == "leader")
    print(f"ended in {ended - began:.2f} s, taken over after {time.monotonic() - ended:.2f} s")
    pod = shop.pod(shop.name("after"))
    send(shop.client, record(pod, node=shop.node))
    settled(shop, f"pod-{pod.name}-api", kills=1, verdict="KernelOnly")
    lease = shop.client.call(
        "GET", path("coordination.k8s.io/v1", "leases", namespace=CONTROLLER_NAMESPACE, name="oomreport-controller")
    )
    assert lease["spec"]["holderIdentity"] == "second"


def test_a_controller_that_could_not_ask_for_the_lease_is_not_ready(kubeconfig: str, tmp_path: Path):
    """Or a rolling update would end a working one for it."""
    config = yaml.safe_load(Path(kubeconfig).read_text(encoding="utf-8"))
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    nowhere = tmp_path / "kubeconfig"
    nowhere.write_text(yaml.safe_dump(config), encoding="utf-8")
    lost = Controller(str(nowhere), tmp_path)
    try:
        warned = "cannot read lease, will retry"
        eventually("it asked in vain", lambda: [one for one in lost.messages("warning") if one["message"] == warned])
        assert lost.probe("readyz") == {"ready": False, "role": "starting"}
        assert lost.probe("healthz")["healthy"]
    finally:
        lost.stop()


def test_an_api_server_that_is_away_loses_nothing(shop: Shop, start: Start):
    name = os.environ["OOMREPORT_CLUSTER"]

    def cluster(*verb: str) -> None:
        subprocess.run([sys.executable, str(CLUSTER), "--name", name, *verb], check=True, capture_output=True)

    controller = start()
    pod, later = shop.pod(shop.name("away")), shop.pod(shop.name("later"))
    for _ in range(20):
        send(shop.client, record(pod, node=shop.node))
    cluster("stop", "apiserver")
    try:
        # Longer than the Lease lasts.
        time.sleep(20)
    finally:
        cluster("start")
    eventually("the API server answers", answers, seconds=60)
    send(Client(), record(later, node=shop.node))
    counted_once(shop, {pod.name: 20, later.name: 1}, seconds=90)
    assert controller.process.poll() is None
    words = " ".join(str(line.get("error")) for line in controller.messages("warning"))
    assert "no answer" in words
    own = [line for line in controller.messages("error") if "Request attempt" not in line["message"]]
    assert own == []


def answers() -> bool:
    try:
        for plural in ("oomreports", "oomrecords"):
            Client().items(path(V1, plural))
    except Exception:  # noqa: BLE001 - whatever it is, the server is not there yet
        return False
    return True


def test_every_record_of_a_stream_is_counted_once(shop: Shop, start: Start, capsys: pytest.CaptureFixture[str]):
    """Prints how long it took on the bare API server, first and further kills apart; `make bench-latency` measures."""
    start()
    pods = [shop.deployment(shop.name("fast")) for _ in range(50)]
    time.sleep(1)
    watch = ReportWatch(shop.namespace)
    watch.start()
    sent: dict[str, tuple[str, float]] = {}
    posts: list[float] = []
    for which, pod in itertools.chain((("first", pod) for pod in pods), (("again", pod) for pod in pods)):
        one = record(pod, node=shop.node)
        before = time.monotonic()
        sent[send(shop.client, one)] = (which, before)
        posts.append((time.monotonic() - before) * 1000)
        time.sleep(0.05)
    eventually("all are counted", lambda: sent.keys() <= watch.counted().keys(), seconds=60)
    arrived = watch.counted()
    post = statistics.median(posts)
    with capsys.disabled():
        for which in ("first", "again"):
            taken = sorted((arrived[name] - at) * 1000 for name, (kind, at) in sent.items() if kind == which)
            p50, p99 = statistics.median(taken), taken[int(len(taken) * 0.99) - 1]
            print(f"\n{which} kill: p50 {p50:.1f} ms, p99 {p99:.1f} ms (creating a record alone: p50 {post:.1f} ms)")
    reports = shop.client.items(path(V1, "oomreports", namespace=shop.namespace))
    assert [report["status"]["kills"] for report in reports] == [2] * len(pods)
