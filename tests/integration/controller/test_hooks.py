"""Hooks by a real controller on a real API server, to a receiver on the network."""

import time

from integration.controller.client import Object, eventually, report_at
from integration.controller.conftest import Start
from integration.controller.hook_shop import QUICK_HOOKS, HookShop, new_key
from integration.controller.receiver import Receiver
from integration.controller.shop import Shop, record
from integration.controller.test_reports import send
from oomreport.adapters.cluster.api_server import path


def killed(shop: Shop, base: str = "web") -> str:
    """Kill a Deployment's container at its limit; return the report's name."""
    web = shop.name(base)
    pod = shop.deployment(web)
    send(shop.client, record(pod, node=shop.node))
    pod.ends()
    return f"deployment-{web}-api"


def delivered(shop: Shop, name: str, *states: str, seconds: float = 20) -> list[Object]:
    """Wait until a report's deliveries are in these states."""

    def look() -> list[Object]:
        report = report_at(shop.client, shop.namespace, name) or {}
        found: list[Object] = report.get("status", {}).get("deliveries", [])
        assert sorted(one["state"] for one in found) == sorted(states), found
        return found

    return eventually(f"deliveries of {name} are {states}", look, seconds=seconds)


def test_a_kill_is_sent_once_signed_and_with_its_settled_verdict(
    shop: Shop, start: Start, hooks: HookShop, receiver: Receiver
):
    key = receiver.key = new_key()
    hooks.secret("chat", url=receiver.url, key=key)
    ref = {"name": "chat", "key": "url"}
    hooks.hook("chat", webhook={"urlSecretRef": ref, "signingSecretRef": {"name": "chat", "key": "key"}})
    controller = start(*QUICK_HOOKS)
    hooks.ready("chat")
    time.sleep(1.1)
    name = killed(shop)
    (delivery,) = delivered(shop, name, "Delivered")

    assert [one.verified for one in receiver.requests] == [True]
    (event,) = receiver.events()
    assert event["specversion"] == "1.0"
    assert event["type"] == "dev.oomreport.v1alpha1.OOMKilled"
    assert event["subject"].startswith("Deployment/web-")
    assert event["data"]["kill"]["verdict"] == "Confirmed"
    assert event["data"]["kill"]["victim"]["comm"] == "node"
    assert event["data"]["recommendation"]["action"] == "RaiseLimit"
    assert event["id"] == receiver.requests[0].id == delivery["eventID"]
    assert receiver.requests[0].headers["content-type"].startswith("application/cloudevents+json")
    report = report_at(shop.client, shop.namespace, name)
    assert report
    conditions = {one["type"]: one for one in report["status"]["conditions"]}
    assert conditions["Delivered"]["status"] == "True"
    eventually("the hook counts it", lambda: hooks.found("chat")["status"].get("delivered") == 1)
    text = controller.log.read_text() + str(hooks.found("chat")) + str(report)
    assert key.removeprefix("whsec_") not in text
    assert receiver.url not in text
    assert f":{receiver.port}" not in text


def test_a_hook_made_later_is_not_told_of_old_kills_and_a_suspended_one_of_none(
    shop: Shop, start: Start, hooks: HookShop, receiver: Receiver
):
    start(*QUICK_HOOKS)
    old = killed(shop, "old")
    eventually("it is counted", lambda: report_at(shop.client, shop.namespace, old))
    time.sleep(1.1)
    hooks.hook("late", webhook={"url": receiver.url})
    hooks.hook("quiet", suspend=True, webhook={"url": receiver.url})
    hooks.ready("late")
    new = killed(shop, "new")
    delivered(shop, new, "Delivered")
    assert [one["data"]["report"]["name"] for one in receiver.events()] == [new]
    assert not (report_at(shop.client, shop.namespace, old) or {})["status"].get("deliveries")


def test_what_is_pending_survives_a_kill_of_the_controller_with_its_attempts(
    shop: Shop, start: Start, hooks: HookShop, receiver: Receiver
):
    receiver.behave = lambda handler: handler.answer(503)
    hooks.hook("chat", webhook={"url": receiver.url})
    first = start(*QUICK_HOOKS, "--no-leader-election")
    hooks.ready("chat")
    time.sleep(1.1)
    name = killed(shop)

    def tried() -> Object:
        (one,) = delivered(shop, name, "Pending")
        assert one["attempts"] >= 2, one
        return one

    before = eventually("it was tried twice", tried)
    assert before["lastError"] == "HTTP 503"
    first.kill()
    receiver.behave = lambda handler: handler.answer(200)
    start(*QUICK_HOOKS, "--no-leader-election")
    (after,) = delivered(shop, name, "Delivered")
    assert after["attempts"] > before["attempts"]
    assert len({one.id for one in receiver.requests}) == 1


def test_a_receiver_that_says_410_is_told_nothing_until_its_hook_is_changed(
    shop: Shop, start: Start, hooks: HookShop, receiver: Receiver
):
    receiver.behave = lambda handler: handler.answer(410)
    hooks.hook("chat", webhook={"url": receiver.url})
    start(*QUICK_HOOKS)
    hooks.ready("chat")
    time.sleep(1.1)
    first = killed(shop, "first")
    delivered(shop, first, "Failed")
    hooks.ready("chat", "Gone")
    second = killed(shop, "second")
    eventually("it is counted", lambda: (report_at(shop.client, shop.namespace, second) or {}).get("status"))
    time.sleep(2)
    assert not (report_at(shop.client, shop.namespace, second) or {})["status"].get("deliveries")
    assert len(receiver.requests) == 1
    receiver.behave = lambda handler: handler.answer(200)
    hooks.client.merge(hooks.where("chat"), {"spec": {"webhook": {"timeoutSeconds": 3}}})
    hooks.ready("chat")
    time.sleep(1.1)
    third = killed(shop, "third")
    delivered(shop, third, "Delivered")


REFUSED = {
    "http://169.254.169.254/latest/meta-data/": "metadata services",
    "http://2852039166/latest/meta-data/": "the URL is not valid",
    "http://[::ffff:a9fe:a9fe]/": "metadata services",
    "http://100.100.100.200/": "a metadata service",
    "http://0.0.0.0/": "unspecified",
    "http://localhost:1/": "loopback",
}


def test_an_address_that_must_not_be_reached_is_refused_however_it_is_spelled_and_after_a_redirect(
    shop: Shop, start: Start, hooks: HookShop, receiver: Receiver
):
    receiver.behave = lambda handler: handler.answer(307, Location="http://169.254.169.254/latest/meta-data/")
    words = {hooks.hook(f"evil-{number}", webhook={"url": url}): REFUSED[url] for number, url in enumerate(REFUSED)}
    redirected = hooks.hook("redirected", webhook={"url": f"http://127.0.0.2:{receiver.port}/"})
    start("--hook-first-pause=100ms", "--hook-longest-pause=1s", "--hook-allow=127.0.0.2/32", "--hook-give-up=3s")
    hooks.ready("redirected")
    time.sleep(1.1)
    name = killed(shop)
    found = delivered(shop, name, *["Failed"] * 7, seconds=40)
    for one in found:
        if one["hook"] == redirected:
            assert one["lastError"] == "HTTP 307, redirects are not followed"
            assert one["attempts"] > 1
        else:
            assert words[one["hook"]] in one["lastError"]
            assert one["attempts"] == 1

    def announced() -> bool:
        events = shop.client.items(path("events.k8s.io/v1", "events", namespace=shop.namespace))
        return sum(one["reason"] == "DeliveryFailed" and one["regarding"]["name"] == name for one in events) == 7

    eventually("each is announced", announced)
