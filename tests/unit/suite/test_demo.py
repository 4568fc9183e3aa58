import pytest

import demo


def test_what_is_shown_without_a_cluster_uses_commands_that_exist(capfd: pytest.CaptureFixture[str]) -> None:
    assert demo.without_cluster() == 0
    printed, errors = capfd.readouterr()
    assert "no cluster here" in printed
    assert printed.count("$ oomreport explain tests/records/") == 3
    assert "What to change" in printed
    assert "usage:" not in errors
