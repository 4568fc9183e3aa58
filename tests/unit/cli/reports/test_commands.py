"""The help of each command: an option stands alone and names its default."""

import argparse

import pytest

from oomreport.cli.main import _parser
from oomreport.cli.reports.commands import add_report_commands


def commands() -> dict[str, argparse.ArgumentParser]:
    parser = argparse.ArgumentParser()
    found = parser.add_subparsers()
    add_report_commands(found)
    return dict(found.choices)


def options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [one for one in parser._actions if one.option_strings and one.dest not in ("help", "version")]


def test_the_commands_about_reports_are_these() -> None:
    assert list(commands()) == [
        *("list", "show", "export", "recommend", "apply", "accept", "reject", "doctor", "report"),
    ]


def every_command() -> list[argparse.ArgumentParser]:
    (found,) = (one for one in _parser(for_logs=False)._actions if isinstance(one, argparse._SubParsersAction))
    return list(found.choices.values())


@pytest.mark.parametrize("command", every_command(), ids=lambda command: command.prog.split()[-1])
def test_each_option_says_what_it_does_and_its_default(command: argparse.ArgumentParser) -> None:
    required = {one for group in command._mutually_exclusive_groups if group.required for one in group._group_actions}
    for option in options(command):
        help_text = option.help or ""
        assert option in required or option.required or "default" in help_text, (
            f"{command.prog} {option.option_strings}: {help_text!r}"
        )
        assert help_text[:1].islower(), option.option_strings
        assert not help_text.endswith("."), option.option_strings


def test_a_review_takes_several_names_and_a_condition() -> None:
    reject = commands()["reject"]
    given = reject.parse_args(["a", "b", "--note", "too much", "--if-limit", "512Mi"])
    assert (given.names, given.note, given.if_limit, given.decision) == (["a", "b"], "too much", "512Mi", "Rejected")


def test_apply_needs_a_path_and_writes_unless_told_otherwise() -> None:
    apply = commands()["apply"]
    assert not apply.parse_args(["."]).dry_run
    with pytest.raises(SystemExit):
        apply.parse_args([])
