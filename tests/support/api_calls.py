"""Every request to the API server that stands in the source: method and path are found in the syntax tree."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "operator" / "oomreport"
# What a method of ApiServer (or who follows a list) asks for; `get` of a path without a name is a list.
VERBS = {
    "get": "get", "found": "get", "pages": "list", "listed": "list", "watch": "watch", "create": "create",
    "replace": "update", "merge": "patch", "strategic": "patch", "apply": "patch", "delete": "delete", "_all": "list",
}  # fmt: skip
FOLLOWERS = frozenset({"ListWatch"})
CONSTANTS = {
    "API_VERSION": "oomreport.dev/v1alpha1",
    "OOM_RECORDS": "oomrecords",
    "OOM_REPORTS": "oomreports",
    "OOM_POLICIES": "oompolicies",
    "OOM_HOOKS": "oomhooks",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A call of `path`: its file and line, group and plural where they stand there, and what is done with it."""

    file: str
    line: int
    group: str | None
    resource: str | None
    verbs: frozenset[str]


def places() -> list[Place]:
    """Return all of them."""
    found = []
    for file in sorted(SOURCE.rglob("*.py")):
        if file.name != "api_server.py":
            found += list(_in_file(file))
    return found


def _in_file(file: Path) -> Iterator[Place]:
    tree = ast.parse(file.read_text())
    texts = CONSTANTS | {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for path in [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "path"]:
        version, plural = (_text(argument, texts) for argument in path.args[:2])
        given = {one.arg: one.value for one in path.keywords}
        sub = _text(given["sub"], texts) if "sub" in given else None
        group = None if version is None else version.rpartition("/")[0]
        resource = f"{plural}/{sub}" if plural and sub else plural
        verbs = frozenset(_verbs(path, tree, calls, has_name="name" in given))
        yield Place(file.relative_to(SOURCE).as_posix(), path.lineno, group, resource, verbs)


def _verbs(path: ast.Call, tree: ast.Module, calls: list[ast.Call], *, has_name: bool) -> Iterator[str]:
    names = {
        target.id
        for node in ast.walk(_function_of(path, tree))
        if isinstance(node, ast.Assign) and node.value is path
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    inside = {id(node) for node in ast.walk(_function_of(path, tree))}
    for call in calls:
        first = [
            one
            for one in call.args[:2]
            if one is path or (isinstance(one, ast.Name) and one.id in names and id(call) in inside)
        ]
        if not first or call is path:
            continue
        if isinstance(call.func, ast.Attribute) and call.func.attr in VERBS:
            verb = VERBS[call.func.attr]
            yield "list" if verb == "get" and not has_name else verb
        elif isinstance(call.func, ast.Name) and call.func.id in FOLLOWERS:
            yield from ("list", "watch")


def _function_of(node: ast.AST, tree: ast.Module) -> ast.AST:
    functions = [
        one
        for one in ast.walk(tree)
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and any(each is node for each in ast.walk(one))
    ]
    return functions[-1] if functions else tree


def _text(node: ast.AST, texts: dict[str, str]) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return texts.get(node.id) if isinstance(node, ast.Name) else None
