import argparse
from pathlib import Path

import pytest

from oomreport.options import Option, add_options, host_and_port, one_of, readable_file, text, values_of


def test_a_variable_of_the_environment_wins_over_the_default() -> None:
    option = Option(
        field="node", flag="--node", metavar="NAME", parse=text, help="Name it.", default="other", variable="NODE"
    )
    for environment, value in (({"NODE": "worker-3"}, "worker-3"), ({"NODE": ""}, "other"), ({}, "other")):
        parser = argparse.ArgumentParser()
        add_options(parser, {"group": (option,)}, environment)
        assert values_of(parser.parse_args([]), {"group": (option,)}, []) == {"node": value}
        assert values_of(parser.parse_args(["--node=mine"]), {"group": (option,)}, []) == {"node": "mine"}


def test_every_mistake_is_added_with_its_option_and_value() -> None:
    problems: list[str] = []
    assert one_of("--source", "kmsg", ("kmsg", "syslog"), problems) == "kmsg"
    one_of("--source", "dmesg", ("kmsg", "syslog"), problems)
    host_and_port("--health", "8081", problems)
    assert problems == ["--source: 'dmesg' is none of kmsg, syslog", "--health: '8081' is not HOST:PORT"]


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (":8081", ("", 8081)),
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:8081", ("::1", 8081)),
        ("none", None),
        ("", None),
    ],
)
def test_an_address_is_a_host_and_a_port(value: str, address: tuple[str, int] | None) -> None:
    problems: list[str] = []
    assert host_and_port("--health", value, problems) == address
    assert problems == []


@pytest.mark.parametrize("value", ["::1:8081", ":65536", ":x", ":8081x"])
def test_what_is_no_address_is_a_mistake(value: str) -> None:
    problems: list[str] = []
    assert host_and_port("--health", value, problems) is None
    assert problems == [f"--health: {value!r} is not HOST:PORT"]


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    problems: list[str] = []
    (tmp_path / "token").write_text("t")
    assert readable_file("--token", str(tmp_path / "token"), problems) == tmp_path / "token"
    assert readable_file("--token", "", problems) is None
    readable_file("--token", str(tmp_path / "none"), problems)
    assert problems == [f"--token: {str(tmp_path / 'none')!r} cannot be read: No such file or directory"]
