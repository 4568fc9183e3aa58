from pathlib import Path

import pytest

from oomreport.cli.reports.checkout import Checkout
from oomreport.errors import InputUnreadable

WEB = "kind: Deployment\nmetadata: {name: web}\nspec: {containers: []}\n"


def test_only_files_that_may_be_about_a_workload_are_read(tmp_path: Path) -> None:
    for name, text in {
        "web.yaml": WEB,
        "crd.yaml": "kind: CustomResourceDefinition\nweb: 1\n",
        "other.yaml": WEB.replace("web", "other"),
        ".git/web.yaml": WEB,
        "node_modules/web.yaml": WEB,
        "web.txt": WEB,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert Checkout([str(tmp_path)]).about(["web"]) == [str(tmp_path / "web.yaml")]


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadable, match="no such file or folder"):
        Checkout([str(tmp_path / "missing")])


def test_a_file_that_changed_since_it_was_read_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "web.yaml"
    path.write_text(WEB)
    checkout = Checkout([str(tmp_path)])
    assert checkout.yaml(str(path)) is not None
    path.write_text(WEB + "# by somebody else\n")
    with pytest.raises(InputUnreadable, match="was changed by somebody else"):
        checkout.write(str(path), "new")
    assert path.read_text() == WEB + "# by somebody else\n"


def test_a_link_stays_one_and_its_target_keeps_its_mode(tmp_path: Path) -> None:
    target, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    target.write_text(WEB)
    target.chmod(0o640)
    link.symlink_to(target)
    checkout = Checkout([str(tmp_path)])
    checkout.write(str(link.resolve()), "new: text\n")
    assert link.is_symlink()
    assert target.read_text() == "new: text\n"
    assert target.stat().st_mode & 0o777 == 0o640


def test_what_lies_outside_the_paths_is_read_and_not_edited(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/web.yaml").write_text(WEB)
    (tmp_path / "overlay").mkdir()
    checkout = Checkout([str(tmp_path / "overlay")])
    found = checkout.joined(str(tmp_path / "overlay"), "../base/web.yaml")
    assert found == str(tmp_path / "base/web.yaml")
    assert not checkout.editable(found)
    assert checkout.joined(str(tmp_path), "https://example.org/base") is None


def test_configurations_are_found_below_the_paths_and_above_them_up_to_the_checkouts_root(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "repo", tmp_path / "repo/charts", tmp_path / "repo/charts/web"):
        folder.mkdir(exist_ok=True)
        (folder / ".oomreport.yaml").write_text("values: []\n")
    (tmp_path / "repo/.git").mkdir()
    checkout = Checkout([str(tmp_path / "repo/charts")])
    assert set(checkout.configurations) == {
        tmp_path / "repo/.oomreport.yaml",
        tmp_path / "repo/charts/.oomreport.yaml",
        tmp_path / "repo/charts/web/.oomreport.yaml",
    }
    assert checkout.root == str(tmp_path / "repo")
