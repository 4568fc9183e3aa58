"""The rules of the house that no ready-made linter knows, checked over operator/ and tests/.

    tests/house.py               print each breach; exit status 1 where a rule has more breaches than its budget
    tests/house.py --write       write the maps of modules into the packages' docstrings
    tests/house.py --untested    print the modules that no unit test imports, by package

A rule is a function that yields breaches. BUDGET holds the rules that are not met everywhere yet; its numbers only
shrink.
"""

import argparse
import ast
import io
import re
import sys
import textwrap
import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "operator/oomreport"
FIRST_LINE_WORDS = 12
MODULES_A_LEVEL = 20
COLUMNS = 120
MARKER = "Modules:"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

# Modules that read objects as the API server or a user sends them: camelCase keys are the language there.
BORDER = {
    "adapters/cluster/": "objects and lists as the API server sends them",
    "adapters/storage/checkpoint.py": "the checkpoint's own file",
    "cli/logs/pods.py": "pods as kubectl writes them",
    "cli/reports/doctor/": "objects of the installation as the API server sends them",
    "gitops/advice.py": "reports as any tool carried them",
    "gitops/patch.py": "manifests",
    "hooks/delivery.py": "the deliveries that a report stores",
    "hooks/job.py": "a Job's template as people wrote it",
    "hooks/resize.py": "the pod that is resized, as the API server sends it",
    "hooks/selector.py": "a label selector, as Kubernetes writes it",
    "incident/kill.py": "a stored kill, whose termination stands beside its instance",
    "incident/witness/evidence.py": "an OOMRecord's metadata and status",
    "incident/witness/policy.py": "the values of OOMPolicies",
    "workload/": "pods, nodes and workloads as the API server sends them",
}

# Rules that are not met everywhere yet, and how many breaches there may be at most.
BUDGET: dict[str, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A place that breaks a rule."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        """Return the breach as compilers print theirs."""
        return f"{self.path}:{self.line}: {self.text}"


class Module:
    """A file of Python: its text, its syntax tree, its docstring."""

    def __init__(self, path: Path, root: Path) -> None:
        self.file = path
        self.path = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def docstring(self) -> str:
        """The docstring; empty where there is none."""
        return ast.get_docstring(self.tree) or ""

    @property
    def first_line(self) -> str:
        """The first line of the docstring."""
        return self.docstring.partition("\n")[0]

    @property
    def name(self) -> str:
        """The name as its package's map has it; a package's ends with a slash."""
        return f"{self.file.parent.name}/" if self.is_package else self.file.stem

    @property
    def is_package(self) -> bool:
        """Whether this is the `__init__` of a package."""
        return self.file.name == "__init__.py"


class House:
    """All modules of a folder that has the package as operator/oomreport."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.modules = [Module(path, root) for path in sorted((root / "operator/oomreport").rglob("*.py"))]

    @cached_property
    def tests(self) -> list[Module]:
        """The modules of tests/."""
        return [Module(path, self.root) for path in sorted((self.root / "tests").rglob("*.py"))]

    def packages(self) -> Iterator[tuple[Module, list[Module]]]:
        """Yield each package with the modules and packages directly in it."""
        for package in self.modules:
            if package.is_package:
                folder = package.file.parent
                yield package, [one for one in self.modules if one is not package and folder in _owners(one)]


def _owners(module: Module) -> tuple[Path, ...]:
    folder = module.file.parent
    return (folder.parent,) if module.is_package else (folder,)


def first_lines(house: House) -> Iterator[Breach]:
    """A module's first docstring line is one noun phrase of at most 12 words."""
    for module in house.modules:
        words = len(module.first_line.split())
        if not words:
            yield Breach(path=module.path, line=1, text="no docstring")
        elif words > FIRST_LINE_WORDS:
            yield Breach(path=module.path, line=1, text=f"first line has {words} words: {module.first_line}")
        elif not re.search(r"[\w`)\]]\.?$", module.first_line):
            yield Breach(path=module.path, line=1, text=f"first line ends in mid-sentence: {module.first_line}")


def maps(house: House) -> Iterator[Breach]:
    """A package's docstring ends with the map of its modules, which `tests/house.py --write` makes."""
    for package, modules in house.packages():
        if with_map(package.text, modules) != package.text:
            text = f"the map of modules is not what tests/house.py --write makes ({len(modules)} modules)"
            yield Breach(path=package.path, line=1, text=text)


def with_map(text: str, modules: Sequence[Module]) -> str:
    """Return the text of an `__init__` with the map of these modules at the end of its docstring."""
    docstring = next(iter(ast.parse(text).body), None)
    if not isinstance(docstring, ast.Expr) or not isinstance(docstring.value, ast.Constant):
        return text
    lines = text.splitlines(keepends=True)
    start, end = docstring.lineno - 1, docstring.end_lineno or docstring.lineno
    old = "".join(lines[start:end])
    head = old.strip().removeprefix('"""').removesuffix('"""').partition(f"\n{MARKER}\n")[0].rstrip()
    if not modules:
        return text
    width = max(len(module.name) for module in modules)
    rows = (_row(module, width) for module in sorted(modules, key=lambda one: (one.is_package, one.name)))
    new = f'"""{head}\n\n{MARKER}\n\n{"".join(rows)}"""\n'
    return "".join(lines[:start]) + new + "".join(lines[end:])


def _row(module: Module, width: int) -> str:
    said = textwrap.wrap(module.first_line.removesuffix("."), COLUMNS - width - 6) or [""]
    rows = (f"    {module.name if at == 0 else '':{width}}  {line}".rstrip() for at, line in enumerate(said))
    return "".join(f"{row}\n" for row in rows)


def levels(house: House) -> Iterator[Breach]:
    """A package holds at most 20 modules and packages."""
    for package, modules in house.packages():
        if len(modules) > MODULES_A_LEVEL:
            yield Breach(path=package.path, line=1, text=f"{len(modules)} modules at one level")


def class_names(house: House) -> Iterator[Breach]:
    """A class name stands for one thing."""
    places: defaultdict[str, list[Breach]] = defaultdict(list)
    for module in house.modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(Breach(path=module.path, line=node.lineno, text=f"class {node.name}"))
    for name, found in sorted(places.items()):
        if len(found) > 1:
            others = ", ".join(one.path for one in found[1:])
            yield Breach(path=found[0].path, line=found[0].line, text=f"class {name} is also in {others}")


def camel_case(house: House) -> Iterator[Breach]:
    """Dictionaries with camelCase keys are read at the border only."""
    for module in house.modules:
        inside = module.path.removeprefix("operator/oomreport/")
        if any(inside == one or (one.endswith("/") and inside.startswith(one)) for one in BORDER):
            continue
        for node in ast.walk(module.tree):
            key = _got(node)
            if key and re.search(r"[a-z][A-Z]", key) and re.fullmatch(r"\w+", key):
                line = getattr(node, "lineno", 1)
                yield Breach(path=module.path, line=line, text=f'.get("{key}") outside the border')


def _got(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str() as key), *_]):
            return key
    return None


def columns(house: House) -> Iterator[Breach]:
    """Docstrings and comments keep within 120 columns, as the formatter keeps code."""
    for module in (*house.modules, *house.tests):
        lines = module.text.splitlines()
        if all(len(line) <= COLUMNS for line in lines):
            continue
        prose: set[int] = set()
        for node in ast.walk(module.tree):
            if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
                first = node.body[0]
                prose.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
        tokens = tokenize.generate_tokens(io.StringIO(module.text).readline)
        prose.update(
            token.start[0] for token in tokens if token.type == tokenize.COMMENT and "noqa" not in token.string
        )
        for number in sorted(prose):
            if number <= len(lines) and len(lines[number - 1]) > COLUMNS:
                text = f"{len(lines[number - 1])} columns of prose"
                yield Breach(path=module.path, line=number, text=text)


def help_texts(house: House) -> Iterator[Breach]:
    """A help text stands alone: it neither begins nor ends in mid-sentence."""
    for module in house.modules:
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.keyword) or node.arg != "help":
                continue
            said = _literal(node.value)
            if re.search(r"(,|;|:|\band|\bor)\s*$", said) or re.match(r"\s*(and|or|but|so)\b|\s*[,;]", said):
                yield Breach(path=module.path, line=node.value.lineno, text=f"help text does not stand alone: {said!r}")


def _literal(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str() as said):
            return said
        case ast.JoinedStr(values=parts):
            return "".join(_literal(part) if isinstance(part, ast.Constant) else "X" for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _literal(left) + _literal(right)
    return ""


RULES: tuple[Callable[[House], Iterator[Breach]], ...] = (
    first_lines,
    maps,
    levels,
    class_names,
    camel_case,
    columns,
    help_texts,
)


def judged(house: House, budget: dict[str, int]) -> int:
    """Print the breaches of each rule, and return 1 where a rule has more than its budget."""
    status = 0
    for rule in RULES:
        found, allowed = list(rule(house)), budget.get(rule.__name__, 0)
        if len(found) > allowed:
            status = 1
            print(*found, sep="\n")
        if found or allowed:
            about = (rule.__doc__ or "").partition("\n")[0]
            state = "FAILED" if len(found) > allowed else "within the budget"
            print(f"house: {rule.__name__}: {len(found)} breaches, {allowed} allowed: {state}. The rule: {about}")
    return status


def write_maps(house: House) -> None:
    """Write the map of each package into its docstring."""
    for package, modules in house.packages():
        if (text := with_map(package.text, modules)) != package.text:
            package.file.write_text(text, encoding="utf-8")
            print(f"house: wrote the map of {package.path}")


def untested(house: House) -> dict[str, list[Module]]:
    """Return, by package, the modules that no unit test, law or record test imports by name."""
    imported = set()
    for test in house.tests:
        if test.path.startswith(("tests/unit/", "tests/property/", "tests/records/")):
            for node in ast.walk(test.tree):
                if isinstance(node, ast.Import):
                    imported.update(alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    imported.add(node.module)
                    imported.update(f"{node.module}.{alias.name}" for alias in node.names)
    found: dict[str, list[Module]] = defaultdict(list)
    for module in house.modules:
        dotted = module.path.removeprefix("operator/").removesuffix(".py").replace("/", ".")
        if not module.is_package:
            found[dotted.split(".")[1]] += [] if dotted in imported else [module]
    return dict(found)


def print_untested(house: House) -> None:
    """Print the modules without a unit test by direct import, by package."""
    for package, modules in untested(house).items():
        lines = sum(len(module.text.splitlines()) for module in modules)
        print(f"{package:12} {len(modules):4} modules {lines:6} lines")
        for module in modules:
            print(f"    {module.path.removeprefix('operator/oomreport/')}")


def main(argv: Sequence[str]) -> int:
    """Check, or write, or print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the packages' maps")
    parser.add_argument("--untested", action="store_true", help="print the modules that no unit test imports")
    options = parser.parse_args(argv)
    house = House()
    if options.write:
        write_maps(house)
        return 0
    if options.untested:
        print_untested(house)
        return 0
    return judged(house, BUDGET)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
