"""Which OOMHooks fit a report, and which changes of them are told."""

from typing import Any

from oomreport.controller.known.hooks import HookRegistry
from support.controller import NAMESPACE, Parts, run


def hook(name: str = "chat", namespace: str = "shop", *, generation: int = 1, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": name,
            "generation": generation,
            "creationTimestamp": "2026-11-20T00:00:00Z",
        },
        "spec": {"events": ["OOMKilled"], "webhook": {"url": "https://chat.example/hook"}, **spec},
    }


def registry(parts: Parts, *hooks: dict[str, Any]) -> HookRegistry:
    for one in hooks:
        parts.api.put("oomreport.dev/v1alpha1", "oomhooks", one)
    run(parts.hooks.load())
    return parts.hooks


def fitting(hooks: HookRegistry, namespace: str = "shop", **labels: str) -> list[str]:
    return [one.hook for one in run(hooks.subscriptions(namespace, labels))]


def test_a_hook_sees_its_own_namespace_and_one_of_the_controllers_sees_all():
    hooks = registry(Parts(), hook(), hook("all", NAMESPACE), hook("other", "else"))
    assert fitting(hooks) == ["shop/chat", f"{NAMESPACE}/all"]
    assert hooks.names() == {"shop/chat", f"{NAMESPACE}/all", "else/other"}


def test_a_selector_and_a_suspension_keep_a_hook_out():
    selecting = hook("some", selector={"matchLabels": {"team": "a"}})
    hooks = registry(Parts(), selecting, hook("paused", suspend=True))
    assert fitting(hooks) == []
    assert fitting(hooks, team="a") == ["shop/some"]


def test_namespaces_are_selected_by_their_labels_and_none_is_while_they_cannot_be_read():
    parts = Parts()
    parts.api.put("v1", "namespaces", {"metadata": {"name": "shop", "labels": {"env": "prod"}}})
    by_label = hook("prod", NAMESPACE, namespaceSelector={"matchLabels": {"env": "prod"}})
    hooks = registry(parts, by_label)
    assert fitting(hooks) == [f"{NAMESPACE}/prod"]
    refused = Parts()
    refused.api.refuse(403, "GET", "/namespaces/shop")
    assert fitting(registry(refused, by_label)) == []


def test_a_person_s_change_is_told_and_a_status_that_was_written_is_not():
    hooks = registry(Parts())
    assert hooks.take("ADDED", hook()) == "shop/chat"
    assert hooks.take("MODIFIED", {**hook(), "status": {"delivered": 3}}) is None
    assert hooks.take("MODIFIED", hook(generation=2)) == "shop/chat"
    assert hooks.take("DELETED", hook()) == "shop/chat"
    assert hooks.get("shop/chat") is None


def test_what_a_listing_does_not_hold_any_more_was_deleted_unseen():
    hooks = registry(Parts(), hook(), hook("other"))
    assert hooks.listed(frozenset({("shop", "chat")})) == {"shop/other"}
    assert hooks.names() == {"shop/chat"}


def test_a_hook_of_a_newer_version_is_left_out_without_its_values_in_the_log(caplog):
    hooks = registry(Parts())
    assert hooks.take("ADDED", hook(events=["secret-value"])) is None
    assert hooks.get("shop/chat") is None
    assert "secret-value" not in str([vars(one) for one in caplog.records])


def test_hooks_that_cannot_be_read_are_not_taken_for_deleted():
    parts = Parts()
    parts.api.refuse(403, "GET", "oomhooks")
    assert registry(parts).names() is None


def test_a_receiver_that_is_gone_is_told_nothing_until_the_hook_is_changed():
    hooks = registry(Parts(), hook())
    known = hooks.get("shop/chat")
    assert known
    hooks.set_gone(known)
    assert fitting(hooks) == []
    hooks.take("MODIFIED", hook(generation=2))
    assert fitting(hooks) == ["shop/chat"]
