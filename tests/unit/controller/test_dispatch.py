"""Each kind of key has one handler."""

from typing import Any, cast

import pytest

from oomreport.controller.dispatch import Dispatch
from oomreport.controller.work.keys import (
    EventKey,
    HookKey,
    MarkKey,
    NodeKey,
    PodKey,
    PodNoteKey,
    RecordKey,
    SurveyKey,
)
from support.controller import KEY, run


class Handler:
    """Remembers which of its methods was called."""

    def __init__(self, name: str, calls: list[str]) -> None:
        self._name, self._calls = name, calls

    def __getattr__(self, method: str) -> Any:
        async def call(_: object) -> None:
            self._calls.append(f"{self._name}.{method}")

        return call


@pytest.mark.parametrize(
    ("key", "called"),
    [
        (RecordKey(name="r"), "router.route"),
        (PodKey(uid="u"), "pod_router.route"),
        (NodeKey(name="n"), "anonymous.settle"),
        (KEY, "reconciler.look_at"),
        (SurveyKey(namespace="shop"), "rollout_pods.survey_when_settled"),
        (MarkKey(name="r"), "announcer.write_mark"),
        (PodNoteKey(uid="u"), "announcer.write_note"),
        (EventKey(namespace="shop", name="e"), "announcer.send_event"),
        (HookKey(name="h"), "hook_status.write"),
    ],
)
def test_a_key_goes_to_its_handler(key: Any, called: str):
    calls: list[str] = []
    names = ("router", "pod_router", "anonymous", "reconciler", "rollout_pods", "announcer", "hook_status")
    dispatch = Dispatch(**{name: cast("Any", Handler(name, calls)) for name in names})
    run(dispatch.handle(key))
    assert calls == [called]


def test_a_key_that_nobody_knows_is_a_mistake():
    names = ("router", "pod_router", "anonymous", "reconciler", "rollout_pods", "announcer", "hook_status")
    dispatch = Dispatch(**{name: cast("Any", None) for name in names})
    with pytest.raises(TypeError, match="'something'"):
        run(dispatch.handle("something"))
