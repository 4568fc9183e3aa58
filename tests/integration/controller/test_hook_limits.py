"""Which events a hook gets, how many at once, and what becomes of those that it did not get."""

import os
import subprocess
import time
from pathlib import Path

from integration.controller.client import Object, eventually, report_at
from integration.controller.conftest import Start
from integration.controller.hook_shop import QUICK_HOOKS, HookShop
from integration.controller.receiver import Receiver
from integration.controller.shop import Shop, record
from integration.controller.test_hooks import delivered, killed
from integration.controller.test_reports import send

OOMREPORT = Path(__file__).parents[3] / ".venv/bin/oomreport"
# It is compiled: that it asks for too much shows at the first event.
ENDLESS = "[" + ",".join("1" * 99) + "].all(a, event.workload.name.matches('(\\\\pL{30}){30}') || true)"


def oomreport(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([OOMREPORT, *arguments], capture_output=True, text=True, check=False, env=os.environ)


def test_what_is_above_the_rate_limit_comes_as_a_digest_that_names_every_event(
    shop: Shop, start: Start, hooks: HookShop, receiver: Receiver
):
    hooks.hook("calm", rateLimit={"events": 2, "periodSeconds": 4}, webhook={"url": receiver.url})
    start(*QUICK_HOOKS)
    hooks.ready("calm")
    time.sleep(1.1)
    pods = [shop.deployment(shop.name("storm")) for _ in range(4)]
    for number in range(12):
        send(shop.client, record(pods[number % 4], node=shop.node))
    found: list[Object] = []
    for pod in pods:
        name = pod.name.removesuffix("-7d9c-x2x4z")
        found += delivered(shop, f"deployment-{name}-api", *["Delivered"] * 3, seconds=60)
    events = receiver.events()
    singles = [one for one in events if one["type"].endswith("OOMKilled")]
    digests = [one for one in events if one["type"].endswith("Digest")]
    told = [one["id"] for one in singles] + [one["id"] for digest in digests for one in digest["data"]["events"]]
    assert len(told) == len(set(told)) == 12
    assert digests
    assert sum(digest["data"]["count"] for digest in digests) == 12 - len(singles)
    assert {one.get("digest") for one in found} - {None} == {digest["id"] for digest in digests}
    arrivals = [one.at for one in receiver.requests]
    assert all(later - first > 3 for first, later in zip(arrivals, arrivals[2:], strict=False))


def test_a_filter_decides_and_says_where_it_cannot(shop: Shop, start: Start, hooks: HookShop, receiver: Receiver):
    to = {"url": receiver.url}
    hooks.hook("wanted", filter='event.workload.name.startsWith("wanted")', webhook=to)
    hooks.hook("broken", filter="event.(", webhook=to)
    hooks.hook("failing", filter="event.nothing.more > 1", webhook=to)
    hooks.hook("dear", filter=ENDLESS, webhook=to)
    start(*QUICK_HOOKS)
    assert "Syntax error" in hooks.ready("broken", "FilterInvalid")["message"]
    hooks.ready("failing")
    time.sleep(1.1)
    other, wanted = killed(shop, "other"), killed(shop, "wanted")
    (one,) = delivered(shop, wanted, "Delivered")
    assert one["hook"].endswith("/wanted")

    def nothing_left() -> bool:
        status = (report_at(shop.client, shop.namespace, other) or {}).get("status", {})
        return bool(status.get("kills")) and not status.get("deliveries")

    eventually("nothing is left to tell of the other", nothing_left)
    assert len(receiver.requests) == 1
    eventually(
        "the error is said",
        lambda: hooks.found("failing")["status"].get("lastError") == "filter: no such key: 'nothing'",
    )
    assert "processor time" in hooks.ready("dear", "FilterInvalid")["message"]


def test_a_secret_that_is_not_granted_is_named_and_its_delivery_made_once_it_is(
    shop: Shop, start: Start, hooks: HookShop, receiver: Receiver
):
    hooks.secret("closed", grant=False, url=receiver.url)
    hooks.hook("chat", webhook={"urlSecretRef": {"name": "closed", "key": "url"}})
    start(*QUICK_HOOKS)
    message = hooks.ready("chat", "NotAllowed")["message"]
    assert message.startswith("Secret closed, key url may not be read: grant the controller get on secrets closed")
    time.sleep(1.1)
    name = killed(shop)

    def tried() -> bool:
        (one,) = delivered(shop, name, "Pending")
        return one["attempts"] > 0 and one["lastError"] == message

    eventually("it was tried", tried)
    assert not receiver.requests
    hooks.grant("secrets", "closed")
    delivered(shop, name, "Delivered", seconds=40)


def test_a_slow_receiver_holds_up_no_other(shop: Shop, start: Start, hooks: HookShop, receiver: Receiver):
    slow = Receiver(behave=lambda handler: time.sleep(30) or False)
    hooks.hook("slow", webhook={"url": slow.url, "timeoutSeconds": 20})
    hooks.hook("fast", webhook={"url": receiver.url})
    start(*QUICK_HOOKS, "--hook-workers=2")
    hooks.ready("slow")
    time.sleep(1.1)
    pod = shop.deployment(shop.name("both"))
    for _ in range(10):
        send(shop.client, record(pod, node=shop.node))
    eventually("all ten came to the fast one", lambda: len(receiver.accepted()) == 10, seconds=15)
    slow.close()


def test_what_was_given_up_is_told_again_when_people_ask_for_it(
    shop: Shop, start: Start, hooks: HookShop, receiver: Receiver
):
    receiver.behave = lambda handler: handler.answer(500)
    hooks.hook("chat", webhook={"url": receiver.url})
    controller = start(*QUICK_HOOKS, "--hook-give-up=1s")
    hooks.ready("chat")
    time.sleep(1.1)
    name = killed(shop)
    (failed,) = delivered(shop, name, "Failed")
    report = report_at(shop.client, shop.namespace, name) or {}
    condition = next(one for one in report["status"]["conditions"] if one["type"] == "Delivered")
    assert (condition["status"], condition["reason"]) == ("False", "GivenUp")
    assert failed["attempts"] > 1
    eventually("the hook counts it", lambda: hooks.found("chat")["status"].get("failed") == 1)
    ids = set(receiver.accepted()) | {one.id for one in receiver.requests}
    receiver.behave = lambda handler: handler.answer(200)

    nothing = oomreport("redeliver", "-n", shop.namespace, "--hook", "other")
    assert nothing.returncode == 1
    assert nothing.stderr.startswith(f"oomreport: there is no hook other in namespace {shop.namespace}; ")
    done = oomreport("redeliver", "-n", shop.namespace, "--hook", "chat")
    assert (done.returncode, done.stdout.strip()) == (0, f"{shop.namespace}/{name}: 1 deliveries will be tried again")
    delivered(shop, name, "Delivered")
    assert set(receiver.accepted()) == ids
    assert oomreport("redeliver", "-n", shop.namespace, name).returncode == 1
    text = controller.probe_text("metrics")
    assert f'oomreport_hook_attempts_total{{hook="{shop.namespace}/chat",outcome="Failed"}} 1.0' in text
    assert f'oomreport_hook_attempts_total{{hook="{shop.namespace}/chat",outcome="Delivered"}} 1.0' in text
