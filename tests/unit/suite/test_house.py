from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import house
from house import Breach, House


@pytest.fixture
def house_of(tmp_path: Path) -> Callable[..., House]:
    """Build a house of files, given by their path in the package."""

    def build(files: dict[str, str], tests: dict[str, str] | None = None) -> House:
        root = {
            f"operator/oomreport/{path}": text for path, text in {"__init__.py": '"""A house."""\n', **files}.items()
        }
        for path, text in {**root, **(tests or {})}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return House(tmp_path)

    return build


def texts(breaches: Iterator[Breach]) -> list[str]:
    return [f"{one.path.removeprefix('operator/oomreport/')}: {one.text}" for one in breaches]


def test_a_first_line_of_twelve_words_passes_and_one_of_thirteen_is_named(house_of: Callable[..., House]) -> None:
    twelve, thirteen = " ".join("a" * 12), " ".join("b" * 13)
    built = house_of({"good.py": f'"""{twelve}."""\n', "bad.py": f'"""{thirteen}."""\n', "none.py": "X = 1\n"})
    assert texts(house.first_lines(built)) == [
        f"bad.py: first line has 13 words: {thirteen}.",
        "none.py: no docstring",
    ]


def test_a_first_line_that_goes_on_in_the_next_is_a_breach(house_of: Callable[..., House]) -> None:
    built = house_of({"bad.py": '"""A cache,\nand more."""\n'})
    assert texts(house.first_lines(built)) == ["bad.py: first line ends in mid-sentence: A cache,"]


def test_the_map_is_written_at_the_end_of_the_docstring_and_the_code_below_stays(
    house_of: Callable[..., House],
) -> None:
    files = {"__init__.py": '"""A house.\n\nProse.\n"""\n\nX = 1\n', "door.py": '"""The door."""\n'}
    built = house_of(files | {"attic/__init__.py": '"""The attic."""\n'})
    house.write_maps(built)
    assert (built.root / "operator/oomreport/__init__.py").read_text() == (
        '"""A house.\n\nProse.\n\nModules:\n\n    door    The door\n    attic/  The attic\n"""\n\nX = 1\n'
    )


def test_a_map_that_lacks_a_module_is_a_breach_until_it_is_written_again(house_of: Callable[..., House]) -> None:
    built = house_of({"door.py": '"""The door."""\n'})
    house.write_maps(built)
    assert texts(house.maps(House(built.root))) == []
    (built.root / "operator/oomreport/window.py").write_text('"""The window."""\n')
    assert len(texts(house.maps(House(built.root)))) == 1
    house.write_maps(House(built.root))
    assert texts(house.maps(House(built.root))) == []


def test_the_twenty_first_module_of_a_level_is_a_breach(house_of: Callable[..., House]) -> None:
    files = {f"m{number}.py": '"""M."""\n' for number in range(20)}
    assert texts(house.levels(house_of(files))) == []
    assert texts(house.levels(house_of({**files, "m20.py": '"""M."""\n'}))) == ["__init__.py: 21 modules at one level"]


def test_a_class_name_in_two_modules_is_named_with_both(house_of: Callable[..., House]) -> None:
    built = house_of({"a.py": "class Tally: pass\nclass One: pass\n", "b/__init__.py": "class Tally: pass\n"})
    assert texts(house.class_names(built)) == ["a.py: class Tally is also in operator/oomreport/b/__init__.py"]


def test_a_camel_case_key_is_read_at_the_border_only(
    house_of: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house, "BORDER", {"pod.py": "a pod as the API server sends it"})
    read = 'def f(one):\n    return one.get("podUID"), one.get("pod"), one.get("app.kubernetes.io/managedBy")\n'
    built = house_of({"pod.py": read, "cause.py": read})
    assert texts(house.camel_case(built)) == ['cause.py: .get("podUID") outside the border']


def test_prose_wider_than_the_code_is_a_breach_and_a_long_string_is_none(house_of: Callable[..., House]) -> None:
    wide = "w" * 130
    built = house_of(
        {"a.py": f'"""A."""\n\n# {wide}\nX = "{wide}"\n\n\ndef f():\n    """Return.\n\n    {wide}\n    """\n'}
    )
    assert texts(house.columns(built)) == ["a.py: 132 columns of prose", "a.py: 134 columns of prose"]


@pytest.mark.parametrize(
    ("said", "good"),
    [("wait so long", True), ("wait so long,", False), ("and so long for a pod", False), ("wait (default: 5s)", True)],
)
def test_a_help_text_stands_alone(said: str, *, good: bool, house_of: Callable[..., House]) -> None:
    built = house_of({"a.py": f"def f(parser):\n    parser.add_argument('--wait', help={said!r})\n"})
    assert bool(texts(house.help_texts(built))) is not good


def test_a_module_that_no_unit_test_imports_is_counted(house_of: Callable[..., House]) -> None:
    files = {"kernel/__init__.py": "", "kernel/text.py": "", "kernel/dump.py": "", "kernel/line.py": ""}
    tests = {
        "tests/unit/test_a.py": "from oomreport.kernel import text\nfrom oomreport.kernel.line import Line\n",
        "tests/e2e/test_b.py": "import oomreport.kernel.dump\n",
    }
    found = house.untested(house_of(files, tests))
    assert [module.file.name for module in found["kernel"]] == ["dump.py"]


def test_a_rule_fails_above_its_budget_only(
    house_of: Callable[..., House], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house, "RULES", (house.first_lines,))
    built = house_of({"none.py": "X = 1\n"})
    assert house.judged(built, {"first_lines": 1}) == 0
    assert "1 breaches, 1 allowed: within the budget" in capsys.readouterr().out
    assert house.judged(built, {}) == 1
    assert "none.py:1: no docstring" in capsys.readouterr().out
