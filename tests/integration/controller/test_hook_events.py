"""Hooks are told of what follows a kill as well: advice, repeated kills, and whether a fix holds."""

import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.controller.client import Object, eventually
from integration.controller.conftest import Start
from integration.controller.hook_shop import QUICK_HOOKS, HookShop
from integration.controller.receiver import Receiver
from integration.controller.shop import Shop
from integration.controller.test_fixes import QUICK, Web
from integration.controller.test_hooks import delivered, killed


def told(receiver: Receiver, *types: str, seconds: float = 20) -> list[Object]:
    """Wait until events of these types came, in whatever order; return them by the order of `types`."""

    def look() -> list[Object]:
        found = {one["data"]["event"]: one["data"] for one in receiver.events()}
        assert found.keys() == set(types), [one["data"]["event"] for one in receiver.events()]
        return [found[one] for one in types]

    return eventually(f"told of {types}", look, seconds=seconds)


def test_the_story_of_a_fix_is_told_step_by_step_and_no_step_twice(
    shop: Shop, start: Start, hooks: HookShop, receiver: Receiver
):
    events = ("RecommendationReady", "Applied", "Resolved", "Regressed")
    hooks.hook("story", events=events, webhook={"url": receiver.url})
    start(QUICK, *QUICK_HOOKS)
    hooks.ready("story")
    time.sleep(1.1)
    web = Web(shop)
    old = web.pod("7d9c", 1)
    web.killed(old)
    (ready,) = told(receiver, "RecommendationReady")
    assert ready["recommendation"]["memoryLimit"] == "384Mi"

    new = web.pod("8e0d", 2, "384Mi")
    old.vanish()
    told(receiver, "RecommendationReady", "Applied")
    web.told(Resolved="True/Quiet")
    told(receiver, "RecommendationReady", "Applied", "Resolved")

    web.killed(new, 384)
    eventually("advice is told of again", lambda: len(receiver.events()) == 5)
    *_, again, regressed = told(receiver, "Applied", "Resolved", "RecommendationReady", "Regressed")
    assert again["recommendation"]["memoryLimit"] == "576Mi"
    assert regressed["kill"]["memory"]["limitBytes"] == 384 << 20
    time.sleep(1)
    told_of = [one["data"]["event"] for one in receiver.events()]
    assert sorted(told_of) == ["Applied", "RecommendationReady", "RecommendationReady", "Regressed", "Resolved"]


def test_repeated_kills_are_told_once_in_their_window(shop: Shop, start: Start, hooks: HookShop, receiver: Receiver):
    window = {"kills": 3, "windowSeconds": 3600}
    hooks.hook("often", events=("Repeated",), repeated=window, webhook={"url": receiver.url})
    start(*QUICK_HOOKS)
    hooks.ready("often")
    time.sleep(1.1)
    web = Web(shop)
    pod = web.pod("7d9c", 1)
    for _ in range(2):
        web.killed(pod)
    eventually("two kills are counted", lambda: web.told(Recommended="True/RaiseLimit")["kills"] == 2)
    time.sleep(1)
    assert not receiver.events()
    for _ in range(2):
        web.killed(pod)
    (event,) = told(receiver, "Repeated")
    assert event["kills"] >= 3
    eventually("four kills are counted", lambda: web.told(Recommended="True/RaiseLimit")["kills"] == 4)
    time.sleep(1)
    assert len(receiver.events()) == 1


@pytest.fixture
def authority(tmp_path: Path) -> tuple[str, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that signs itself, and the receiver's context."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    name = ("-subj", "/CN=receiver", "-addext", "subjectAltName=IP:127.0.0.1")
    made = ("openssl", "req", "-x509", *kind, "-keyout", str(key), "-out", str(certificate), *name)
    subprocess.run(made, check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return certificate.read_text(), server


@pytest.fixture
def private(authority: tuple[str, ssl.SSLContext]) -> Iterator[Receiver]:
    """A receiver whose certificate nobody knows but its own authority."""
    made = Receiver(tls=authority[1])
    yield made
    made.close()


def test_a_receivers_own_authority_is_taken_from_a_config_map_and_no_other_is(
    shop: Shop, start: Start, hooks: HookShop, private: Receiver, authority: tuple[str, ssl.SSLContext]
):
    hooks.config_map("authority", **{"ca.crt": authority[0]})
    hooks.hook("known", webhook={"url": private.url, "caConfigMapRef": {"name": "authority", "key": "ca.crt"}})
    hooks.hook("unknown", webhook={"url": private.url})
    start(*QUICK_HOOKS)
    hooks.ready("known")
    hooks.ready("unknown")
    time.sleep(1.1)
    name = killed(shop)
    found = {one["hook"].split("/")[1]: one for one in delivered(shop, name, "Delivered", "Pending")}
    assert found["known"]["state"] == "Delivered"
    assert found["unknown"]["state"] == "Pending"
    eventually(
        "why is told",
        lambda: next(
            "certificate is not accepted" in one.get("lastError", "")
            for one in delivered(shop, name, "Delivered", "Pending")
            if one["hook"].endswith("/unknown")
        ),
    )
    assert len(private.events()) == 1
