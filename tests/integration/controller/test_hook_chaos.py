"""Nothing is lost: a receiver that misbehaves at random, and a controller that is killed again and again.

OOMREPORT_HOOK_DELIVERIES and OOMREPORT_HOOK_CRASHES say how much of it (`make bench-hooks`: 1000 and 10).
"""

import json
import os
import random
import time
from datetime import UTC, datetime

import pytest

from integration.controller.client import V1, Object, eventually
from integration.controller.conftest import Start
from integration.controller.hook_shop import QUICK_HOOKS, HookShop, new_key
from integration.controller.receiver import Receiver, chaos
from integration.controller.shop import Pod, Shop, record
from integration.controller.test_reports import send
from oomreport.adapters.cluster.api_server import path
from oomreport.hooks.event import Event, EventType
from oomreport.incident.report.status import ReportStatus
from oomreport.workload.owner import Workload

DELIVERIES = int(os.environ.get("OOMREPORT_HOOK_DELIVERIES", "100"))
CRASHES = int(os.environ.get("OOMREPORT_HOOK_CRASHES", "2"))
PER_REPORT = 20
SEED = 20261121


def reports(shop: Shop) -> list[Object]:
    return shop.client.items(path(V1, "oomreports", namespace=shop.namespace))


def event_id(report: Object, kill: str) -> str:
    return Event(
        type=EventType.OOM_KILLED,
        occasion=kill,
        time=datetime.now(UTC),
        namespace=report["metadata"]["namespace"],
        report=report["metadata"]["name"],
        report_uid=report["metadata"]["uid"],
        workload=Workload(api_version="apps/v1", kind="Deployment", name="any"),
        container="api",
        status=ReportStatus(),
    ).id


@pytest.mark.timeout(1800)
def test_no_event_is_lost_whatever_the_receiver_answers_and_however_often_the_controller_is_killed(
    shop: Shop, start: Start, hooks: HookShop
):
    drawn = random.Random(SEED)
    receiver = Receiver(behave=chaos(SEED, hang_seconds=2.5), key=new_key())
    assert receiver.key
    hooks.secret("chaos", key=receiver.key)
    reference = {"name": "chaos", "key": "key"}
    webhook = {"url": receiver.url, "timeoutSeconds": 1, "signingSecretRef": reference}
    name = hooks.hook("chaos", webhook=webhook)
    options = (*QUICK_HOOKS, "--no-leader-election", "--hook-workers=16")
    # A machine that is busy with other things starts it slowly.
    controller = start(*options, ready=False).wait_ready(180)
    hooks.ready("chaos", seconds=60)
    time.sleep(1.1)
    began = time.monotonic()
    pods: list[Pod] = [shop.deployment(shop.name("chaos")) for _ in range(DELIVERIES // PER_REPORT)]
    kills: dict[str, str] = {}
    crash_after = sorted(drawn.sample(range(DELIVERIES // 10, DELIVERIES), CRASHES))
    for number in range(DELIVERIES):
        pod = pods[number % len(pods)]
        kills[send(shop.client, record(pod, node=shop.node))] = pod.name
        if crash_after and number == crash_after[0]:
            crash_after.pop(0)
            time.sleep(drawn.uniform(0, 1))
            controller.kill()
            controller = start(*options, ready=False).wait_ready(180)

    def all_told() -> list[Object]:
        found = reports(shop)
        assert sum(one["status"].get("kills", 0) for one in found) == DELIVERIES
        states = [delivery["state"] for one in found for delivery in one["status"].get("deliveries", ())]
        pending = states.count("Pending")
        assert pending == 0, f"{pending} of {len(states)} are pending"
        return found

    found = eventually("all is told", all_told, seconds=600, every=1)
    seconds = time.monotonic() - began
    expected = {
        event_id(report, entry["id"]): entry["id"]
        for report in found
        for entry in report["status"]["counted"]
        if entry["id"] in kills
    }
    accepted = receiver.accepted()
    deliveries = [one for report in found for one in report["status"]["deliveries"]]
    lost = [kill for id_, kill in expected.items() if not accepted[id_]]
    figures = {
        "deliveries": len(expected),
        "requests": len(receiver.requests),
        "accepted": sum(accepted.values()),
        "lost": len(lost),
        "duplicates": sum(accepted.values()) - len(accepted),
        "unknown_ids": len(accepted.keys() - expected.keys()),
        "bad_signatures": sum(not one.verified for one in receiver.requests),
        "most_attempts": max(one["attempts"] for one in deliveries),
        "controller_kills": CRASHES,
        "seconds": round(seconds, 1),
    }
    print(json.dumps(figures))
    receiver.close()
    assert len(expected) == DELIVERIES
    assert not lost
    assert not figures["unknown_ids"]
    assert not figures["bad_signatures"]
    assert {one["hook"] for one in deliveries} == {name}
