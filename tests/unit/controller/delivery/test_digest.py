"""A digest is due when all its reports name it, and its members never change after that."""

from dataclasses import replace

from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.attempt import Item
from oomreport.controller.delivery.digest import Digests, digest_id
from oomreport.hooks.delivery import DeliveryKey
from oomreport.hooks.event import EventType
from support.controller import KEY
from unit.controller.known.test_hooks import hook

ITEMS = [
    Item(report=KEY, delivery=DeliveryKey(hook="shop/chat", kill_id=f"r{number}", event=EventType.OOM_KILLED))
    for number in range(3)
]


def claimed() -> Digests:
    digests = Digests()
    digests.claim("d", ITEMS[:2])
    return digests


def test_a_digest_waits_for_every_member_that_may_still_name_it():
    digests = claimed()
    digests.add("d", ITEMS[0])
    assert digests.settled(lambda _: True) == []
    assert digests.is_claimed("d")
    digests.add("d", ITEMS[1])
    assert digests.settled(lambda _: True) == ["d"]
    assert digests.members("d") == set(ITEMS[:2])


def test_a_member_that_was_withdrawn_meanwhile_holds_up_nothing():
    digests = claimed()
    digests.add("d", ITEMS[0])
    assert digests.settled(lambda item: item != ITEMS[1]) == ["d"]


def test_a_digest_without_members_is_forgotten():
    digests = claimed()
    digests.add("d", ITEMS[0])
    digests.settled(lambda _: False)
    digests.discard(ITEMS[0])
    assert digests.ids() == ()


def test_the_digests_of_a_report_are_those_without_open_claims():
    digests = claimed()
    digests.add("d", ITEMS[0])
    assert digests.of_report(KEY) == []
    digests.settled(lambda _: False)
    assert digests.of_report(KEY) == ["d"]
    assert digests.of_report(replace(KEY, name="other")) == []


def test_the_same_members_of_the_same_hook_have_the_same_id():
    chat, other = OOMHook.model_validate(hook()), OOMHook.model_validate(hook("other"))
    assert digest_id(chat, ITEMS) == digest_id(chat, ITEMS)
    assert digest_id(chat, ITEMS) != digest_id(chat, ITEMS[:2])
    assert digest_id(chat, ITEMS) != digest_id(other, ITEMS)
