"""A period allows so many events, and begins with the first one after the last period."""

from oomreport.api.oom_hook import RateLimit
from oomreport.controller.delivery.rate_limit import Allowance
from support.evidence import after

LIMIT = RateLimit.model_validate({"events": 2, "periodSeconds": 60})


def test_a_period_allows_its_number_and_the_next_one_begins_anew():
    allowance = Allowance()
    assert [allowance.take(LIMIT, after(second)) for second in (0, 1, 2, 59)] == [True, True, False, False]
    assert allowance.period_end == after(60)
    assert allowance.take(LIMIT, after(60))
    assert allowance.period_end == after(120)


def test_without_a_limit_there_is_always_room():
    allowance = Allowance()
    assert all(allowance.take(None, after(0)) for _ in range(100))
