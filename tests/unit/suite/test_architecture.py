"""The page that a newcomer reads first names places that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/architecture.md").read_text()


def places() -> list[str]:
    """Return the paths that the page names in backticks; `*` and `<name>` stand for anything."""
    found = re.findall(r"`((?:[\w.<>*-]+/)+[\w.<>*-]*|[\w<>*]+\.py)`", PAGE)
    return [re.sub(r"<\w+>", "*", path) for path in found if not path.startswith("/")]


def test_the_paths_that_the_page_names_exist() -> None:
    missing = []
    for path in places():
        roots = (ROOT, ROOT / "operator/oomreport")
        anywhere = "/" not in path.rstrip("/") and any((ROOT / "operator/oomreport").rglob(path.rstrip("/")))
        if not anywhere and not any(list(root.glob(path.rstrip("/"))) for root in roots):
            missing.append(path)
    assert len(places()) > 10
    assert missing == []


def test_the_tree_has_every_package_and_none_that_is_gone() -> None:
    tree = PAGE.split("```")[3]
    drawn = set(re.findall(r"^ {2,4}(\w+)/", tree, re.MULTILINE))
    package = ROOT / "operator/oomreport"
    real = {path.parent.name for path in package.glob("*/__init__.py")}
    assert real <= drawn
    assert drawn <= {path.parent.name for path in package.rglob("__init__.py")}
