"""The controller is not ready while it is blind, and says what it does without."""

import asyncio
from typing import Any

import pytest

from oomreport.controller.known.list_watch import ListWatch
from oomreport.controller.readiness import Readiness
from support.controller import Parts

SERVED = {"resources": [{"name": "oomrecords"}, {"name": "oomreports"}]}


class Asked(Parts):
    """An API server whose discovery a test decides, and whose silence too."""

    def readiness(self, **problems: str | None) -> Readiness:
        list_watches = {name: ListWatch(self.api, "/", lambda _kind, _item: None) for name in ("reports", "hooks")}
        for name, one in list_watches.items():
            one.problem = problems.get(name)
        return Readiness(
            api=self.api, queue=self.queue, watches=self.watches, list_watches=list_watches, is_listed=lambda: True
        )

    def serve(self, answer: dict[str, Any]) -> None:
        whole = self.api._request

        async def request(method: str, where: str, **rest: Any) -> dict[str, Any]:
            return (
                answer if where.endswith("/v1alpha1") and not self.api.refusals else await whole(method, where, **rest)
            )

        self.api._request = request  # type: ignore[method-assign]


def looked(one: Readiness) -> tuple[bool, dict[str, Any]]:
    async def story() -> tuple[bool, dict[str, Any]]:
        await one._probe(with_rights=True)
        return one.state()

    return asyncio.run(story())


@pytest.fixture
def asked() -> Asked:
    made = Asked()
    made.serve(SERVED)
    return made


def test_a_controller_that_hears_and_may_do_everything_is_ready(asked: Asked):
    assert looked(asked.readiness()) == (True, {"listed": True, "queue": 0})


def test_a_right_that_is_missing_is_named(asked: Asked):
    asked.api.denied.add("watch oomrecords")
    ready, figures = looked(asked.readiness())
    assert not ready
    assert list(figures["problems"]) == ["right to watch oomrecords"]


def test_a_token_that_is_not_taken_any_more_is_named(asked: Asked):
    asked.api.refuse(401, words="Unauthorized")
    ready, figures = looked(asked.readiness())
    assert not ready
    assert list(figures["problems"]) == ["credentials"]


def test_crds_that_are_not_served_are_named(asked: Asked):
    asked.serve({"resources": [{"name": "oomreports"}]})
    ready, figures = looked(asked.readiness())
    assert not ready
    assert list(figures["problems"]) == ["CRD oomrecords.oomreport.dev"]


def test_a_watch_that_only_the_advice_needs_is_a_limit_and_no_problem(asked: Asked):
    ready, figures = looked(asked.readiness(hooks="HTTP 403"))
    assert ready
    assert figures["limits"] == {"watch of hooks": "HTTP 403"}


def test_a_watch_of_reports_that_is_refused_is_a_problem(asked: Asked):
    ready, figures = looked(asked.readiness(reports="HTTP 403"))
    assert not ready
    assert figures["problems"] == {"watch of reports": "HTTP 403"}


def test_a_task_that_has_ended_and_an_api_server_that_is_silent_are_problems(asked: Asked):
    one = asked.readiness()
    one.expect("worker 0", lambda: False)
    asked.api.silent = 20.0
    ready, figures = looked(one)
    assert not ready
    assert set(figures["problems"]) == {"task worker 0", "API server"}


def test_a_queue_that_is_late_is_said_and_keeps_nobody_from_work(asked: Asked, monkeypatch: pytest.MonkeyPatch):
    assert "limits" not in looked(asked.readiness())[1]
    monkeypatch.setattr(type(asked.queue), "late_seconds", 12.3)
    ready, figures = looked(asked.readiness())
    assert ready
    assert figures["limits"] == {"queue": "kills are counted 12 s late, 0 keys wait; none is lost"}
