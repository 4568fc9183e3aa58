from pathlib import Path

import pytest

from oomreport import __version__
from oomreport.cli.main import main


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"oomreport {__version__}\n"


@pytest.mark.parametrize("command", ["explain", "watch", "list", "show", "export", "recommend", "apply", "redeliver"])
def test_each_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"oomreport {command}" in capsys.readouterr().out


def test_every_command_that_needs_a_cluster_takes_the_same_kubeconfig(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    none = str(tmp_path / "none")
    for command in (
        ["list"],
        ["show", "web"],
        ["export"],
        ["recommend"],
        ["accept", "web"],
        ["doctor"],
        ["redeliver", "web"],
    ):
        assert main([*command, "--kubeconfig", none]) in (1, 2)
        assert "kubeconfig: " in capsys.readouterr().err, command


def test_no_command_is_an_error_that_names_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "usage: oomreport" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "is_told"), [([], True), (["explain"], True), (["show"], False)])
def test_who_names_no_log_is_shown_how(arguments: list[str], is_told: bool, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: FBT001
    with pytest.raises(SystemExit):
        main(arguments)
    assert ("for example: dmesg | oomreport explain -" in capsys.readouterr().err) is is_told
