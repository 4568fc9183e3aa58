"""The command blocks of README and docs: every one, cut into the commands that a reader would paste."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")))
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_SHELL = ("", "console", "sh", "bash", "shell")
_PROGRAM = re.compile(
    r"(oomreport|kubectl|helm|docker|kind|make|dmesg|promtool|git|cosign|sha256sum|python3?|tests/\S+)(?= )"
)
# A comment, or words that explain a line in a column of their own.
_REMARK = re.compile(r"\s+#\s.*|\s{3,}\S.*")

# What stands in capitals, or is a file of the reader's; each with what it means here.
FILLED = {
    "FILE...": "kern.log",
    "PATH...": "web.yaml",
    "PAGE": "page.html",
    "FILE": "kern.log",
    "TEXT": "looked-at",
    "NAMESPACE": "shop",
    "WORKLOAD": "web",
    "CONTAINER": "api",
    "NODE": "worker-1",
    "HOOK": "chat",
    "NAME": "deployment-web-api",
    "--body kern.log": "--body body.md",
    "/var/log/kern.log.1.gz": "kern.log.1.gz",
}
# What is not run as it is written, and why.
NOT_RUN = {
    "cosign verify-blob": "needs a release that was published, and the network",
    "sha256sum --check": "needs the files of that release; tests/chart/test_release.py compares the sums of one made here",
    "make demo": "brings up a cluster of its own: tests/demo.py is the demo, and tests/unit/suite/test_demo.py tries it",
    "make test": "runs all tests, this one too",
    "make check": "is what every change goes through before the tests",
    "make laws": "runs for hours by intent; `make test` has the same laws with fewer examples",
    "make ablation": "switches mechanisms of the product off, one after another, for half an hour",
}
# What needs a kubelet: tests/e2e/test_doc_commands.py runs it on a node.
ON_A_NODE = re.compile(r"kubectl logs |/proxy/")
# What goes on until Ctrl-C.
ENDLESS = re.compile(r"oomreport watch|kubectl get .* -w$")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandBlock:
    """A block of commands; `number` counts the command blocks of its page from 1."""

    page: str
    number: int
    commands: tuple[str, ...]

    def __str__(self) -> str:
        """Return what a test calls it."""
        return f"{self.page}-{self.number}"


def command_blocks() -> list[CommandBlock]:
    """Return the command blocks of all pages, in their order."""
    found: list[CommandBlock] = []
    for page in PAGES:
        texts = [match[3] for match in _BLOCK.finditer((ROOT / page).read_text()) if match[2] in _SHELL]
        blocks = [commands for text in texts if (commands := _commands(text))]
        found += [CommandBlock(page=page, number=number, commands=each) for number, each in enumerate(blocks, 1)]
    return found


def why_not_run(command: str) -> str | None:
    """Return why a command is not run as it is written; None where it is."""
    return next((why for start, why in NOT_RUN.items() if command.startswith(start)), None)


def filled(command: str, **more: str) -> str:
    """Return a command with its placeholders filled; `more` are further words, such as POD."""
    for word, value in {**FILLED, **more}.items():
        bound = r"\b" if word[0].isalnum() else ""
        command = re.sub(rf"{bound}{re.escape(word)}(?![\w.])", value, command)
    return command


def _commands(text: str) -> tuple[str, ...]:
    lines = [line.strip() for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines()]
    prompts = any(line.startswith("$ ") for line in lines)
    typed = (line.removeprefix("$ ") for line in lines if line.startswith("$ ") or not prompts)
    return tuple(_REMARK.sub("", line) for line in typed if _PROGRAM.match(line))
