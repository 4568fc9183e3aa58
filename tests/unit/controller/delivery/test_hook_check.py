"""What keeps a hook from working is known before anything is delivered."""

from typing import Any

from oomreport.api.oom_hook import OOMHook
from oomreport.controller.delivery.filters import Filters
from oomreport.controller.delivery.hook_check import HookCheck
from oomreport.controller.delivery.hook_target import Due
from oomreport.hooks.answer import Answer, Outcome
from support.controller import NAMESPACE, Parts, run
from unit.controller.known.test_hooks import hook


class Refusing:
    """A target that can say beforehand that it cannot work."""

    async def deliver(self, due: Due) -> Answer:
        return Answer(outcome=Outcome.RETRY)

    async def problem(self, hook: OOMHook) -> tuple[str, str] | None:
        return "NotGranted", "grant it"


def problem(parts: Parts, targets: Any, **spec: Any) -> Any:
    check = HookCheck(hooks=parts.hooks, filters=Filters(), targets=targets)
    return run(check.problem(OOMHook.model_validate(hook(namespace=NAMESPACE, **spec))))


def test_a_target_that_cannot_work_says_so_and_one_that_is_not_known_is_named():
    assert problem(Parts(), {"webhook": Refusing()}) == ("NotGranted", "grant it")
    assert problem(Parts(), {})[0] == "NoTarget"


def test_a_filter_that_is_none_is_named():
    assert problem(Parts(), {"webhook": Refusing()}, filter="event.kills >")[0] == "FilterInvalid"


def test_namespaces_that_cannot_be_read_select_none():
    parts = Parts()
    parts.api.refuse(403, "GET", "/namespaces/")
    selector = {"matchLabels": {"env": "prod"}}
    assert problem(parts, {"webhook": Refusing()}, namespaceSelector=selector)[0] == "NamespacesUnread"
