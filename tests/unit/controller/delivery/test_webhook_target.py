"""A webhook gets events signed with its namespace's key; what is missing there is an answer without a secret."""

import base64
from typing import Any, cast

import pytest

from oomreport.adapters.http.webhook import Response, WebhookClient, WebhookError
from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.hook_target import Due
from oomreport.controller.delivery.webhook_target import WebhookTarget
from oomreport.hooks.address import Reach
from oomreport.hooks.answer import Answer, Outcome
from support.api_server import MemoryApi
from support.controller import run
from support.evidence import after
from support.reports import event
from unit.controller.known.test_hooks import hook

SIGNED = {"url": "https://chat.example/hook", "signingSecretRef": {"name": "keys", "key": "current"}}


class Receiver:
    """Takes what is posted."""

    def __init__(self, answer: Response | WebhookError) -> None:
        self.answer = answer
        self.posts: list[tuple[str, dict[str, str]]] = []

    async def post(self, url: str, *, headers: dict[str, str], **_: Any) -> Response:
        self.posts.append((url, headers))
        if isinstance(self.answer, WebhookError):
            raise self.answer
        return self.answer


def delivered(api: MemoryApi, receiver: Receiver, **webhook: Any) -> Answer:
    one = OOMHook.model_validate(hook(webhook=webhook))
    target = WebhookTarget(api, cast("WebhookClient", receiver), lambda: after(0))
    answer = run(target.deliver(Due(hook=one, event=event(), attempt=1, first_attempt=after(0))))
    assert isinstance(answer, Answer)
    return answer


def secret(text: str) -> dict[str, Any]:
    data = {"current": base64.b64encode(text.encode()).decode()}
    return {"metadata": {"name": "keys", "namespace": "shop"}, "data": data}


def test_an_event_is_signed_by_the_namespaces_own_key():
    api, receiver = MemoryApi(), Receiver(Response(status=204))
    api.put("v1", "secrets", secret("whsec_" + base64.b64encode(b"k" * 32).decode()))
    assert delivered(api, receiver, **SIGNED).outcome is Outcome.DELIVERED
    ((url, headers),) = receiver.posts
    assert url == "https://chat.example/hook"
    assert headers["webhook-signature"].startswith("v1,")


@pytest.mark.parametrize(
    ("stored", "words"),
    [(None, "is not there"), ("short", "Secret keys, key current")],
)
def test_a_key_that_cannot_be_used_is_named_without_its_value(stored: str | None, words: str):
    api, receiver = MemoryApi(), Receiver(Response(status=204))
    if stored is not None:
        api.put("v1", "secrets", secret(stored))
    answer = delivered(api, receiver, **SIGNED)
    assert answer.outcome is Outcome.RETRY
    assert words in answer.message
    assert "short" not in answer.message
    assert receiver.posts == []


def test_a_secret_that_may_not_be_read_says_what_to_grant():
    api = MemoryApi()
    api.refuse(403, "GET", "/secrets/")
    answer = delivered(api, Receiver(Response(status=204)), **SIGNED)
    assert "by a Role" in answer.message


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:8080/x", "loopback"),
        ("http://localhost./x", "loopback"),
        ("http://169.254.169.254/latest", "link-local, where metadata services are"),
        ("https://[fd00:ec2::254]/", "a metadata service"),
    ],
)
def test_an_address_that_may_not_be_reached_is_a_problem_before_the_first_delivery(url: str, why: str):
    async def problem(url: str) -> tuple[str, str] | None:
        async with WebhookClient(Reach().refusal) as client:
            target = WebhookTarget(MemoryApi(), client, lambda: after(0))
            return await target.problem(OOMHook.model_validate(hook(webhook={"url": url})))

    assert run(problem(url)) == ("AddressRefused", f"the address is refused: {why}")
    assert run(problem("https://chat.example/hook")) is None


def test_a_service_is_reached_by_its_name_in_the_hooks_namespace():
    receiver = Receiver(Response(status=200))
    service = {"name": "collector", "port": 8080, "path": "/oom", "scheme": "http"}
    delivered(MemoryApi(), receiver, service=service)
    assert receiver.posts[0][0] == "http://collector.shop.svc:8080/oom"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Response(status=503), Outcome.RETRY),
        (Response(status=410), Outcome.GONE),
        (WebhookError("no answer"), Outcome.RETRY),
        (WebhookError("a metadata address", refused=True), Outcome.REFUSED),
    ],
)
def test_what_a_receiver_does_is_an_outcome(answer: Response | WebhookError, outcome: Outcome):
    assert delivered(MemoryApi(), Receiver(answer), url="https://chat.example/hook").outcome is outcome
