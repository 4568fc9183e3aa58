from pathlib import Path

import pytest

from summary import Outcome, missing_of, print_summary, read_report

REPORT = """\
<testsuites><testsuite>
<testcase classname="a" name="test_one"/>
<testcase classname="a" name="test_two"><skipped message="needs root"/></testcase>
<testcase classname="a" name="test_three"><skipped message="needs root"/></testcase>
<testcase classname="a" name="test_four"><failure message="no"/></testcase>
<testcase classname="a" name="test_five"><properties><property name="seconds" value="2"/></properties></testcase>
</testsuite></testsuites>
"""


def test_a_report_is_counted_with_the_reason_of_each_skipped_test(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    outcome = Outcome(part="node")
    read_report(report, outcome)
    assert (outcome.passed, outcome.failed, outcome.skipped) == (2, 1, ["needs root", "needs root"])
    assert outcome.figures == ["test_five: seconds 2"]


def test_skipped_tests_of_a_part_are_one_line_with_their_number_and_reason() -> None:
    assert list(missing_of(Outcome(part="node", skipped=["needs root"] * 46))) == ["node: 46 skipped: needs root"]


def test_several_reasons_of_a_part_share_its_line_the_commonest_first() -> None:
    skipped = ["needs openssl", "needs root", "needs root"]
    assert list(missing_of(Outcome(part="unit", skipped=skipped))) == [
        "unit: 3 skipped: 2 needs root; 1 needs openssl",
    ]


def test_a_part_that_could_not_start_is_named_with_the_number_of_its_tests(capsys: pytest.CaptureFixture[str]) -> None:
    run = Outcome(part="unit", passed=3)
    not_run = Outcome(part="e2e", not_run="no cluster", left_out=35)
    assert print_summary([run, not_run], ["e2e-kind"]) == 0
    printed = capsys.readouterr().out
    assert "  e2e (35 tests): no cluster\n" in printed
    assert "  e2e-kind: runs where it is named only: tests/run.py e2e-kind\n" in printed
    assert printed.endswith("3 passed, 0 failed, 0 skipped\n")


def test_a_run_without_a_passed_test_is_no_success() -> None:
    assert print_summary([Outcome(part="unit")], []) == 1
