"""Every mechanism of framing is needed by a golden log (`make ablation` prints by which)."""

import pytest

from ablation import Mechanism, changes, golden_logs, mechanisms, read

_LOGS = golden_logs()
_WHOLE = read(_LOGS)


@pytest.mark.parametrize("mechanism", mechanisms(), ids=lambda mechanism: mechanism.name)
def test_a_golden_log_needs_it(mechanism: Mechanism) -> None:
    assert next(changes(mechanism, _LOGS, _WHOLE), None) is not None
