import pytest
from pydantic import ValidationError

from oomreport.api.oom_hook import OOMHookSpec, ResizeTargetSpec

WEBHOOK = {"url": "https://example.org/hook"}


def test_a_hook_names_its_events_and_its_target() -> None:
    found = OOMHookSpec.model_validate({"events": ["OOMKilled", "Resolved"], "webhook": WEBHOOK})
    assert [str(event) for event in found.events] == ["OOMKilled", "Resolved"]
    assert found.webhook is not None
    assert found.webhook.timeout_seconds == 10
    assert not found.suspend


def test_a_resize_waits_an_hour_before_the_next_by_default() -> None:
    assert ResizeTargetSpec().cooldown_seconds == 3600


@pytest.mark.parametrize(
    "spec",
    [
        {"webhook": WEBHOOK},
        {"events": [], "webhook": WEBHOOK},
        {"events": ["Started"], "webhook": WEBHOOK},
        {"events": ["OOMKilled"], "webhook": {**WEBHOOK, "timeoutSeconds": 61}},
        {"events": ["OOMKilled"], "resize": {"cooldownSeconds": -1}},
        {"events": ["OOMKilled"], "job": {"template": {}}},
        {"events": ["OOMKilled"], "webhook": WEBHOOK, "filter": "x" * 2049},
    ],
    ids=lambda spec: str(spec)[:60],
)
def test_a_hook_that_the_schema_forbids_is_refused(spec: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OOMHookSpec.model_validate(spec)
