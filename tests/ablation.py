"""Every mechanism of framing, switched off one at a time: which golden logs does it change?

    python tests/ablation.py

Prints the golden logs that each mechanism changes. No real text needs a mechanism that changes none: delete it, or add
a real text to tests/records. Exits with 1 if there is one.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest import mock

from oomreport.kernel.framing import (
    framer,
    journal,
    json_entries,
    json_fields,
    learned_prefix,
    prefix,
    text_lines,
)
from oomreport.kernel.lazy_re import compile as lazy_compile
from oomreport.kernel.reading.reader import invocations_of_text
from oomreport.kernel.record import Invocation

sys.path[:0] = [str(Path(__file__).parent)]
from records.records import FOLDERS, log_of  # noqa: E402 - it stands beside this file

_NEVER = re.compile(r"(?!)")
_NEVER_IN_BYTES = re.compile(rb"(?!)")


class Mechanism(NamedTuple):
    """One rule, pattern or stage: where it stands, and what stands there when it is off."""

    name: str
    owner: Any
    attribute: str
    off: Any

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        """Run without the mechanism."""
        with mock.patch.object(self.owner, self.attribute, self.off):
            yield


def mechanisms() -> list[Mechanism]:
    """Return every stage, every pattern of the prefixes, and the parts of stages that stand for a format."""
    stages = [
        Mechanism(f"stage {stage.__name__}", framer, "STAGES", tuple(one for one in framer.STAGES if one is not stage))
        for stage in framer.STAGES
        if stage is not text_lines.TextLines  # without it no text is read
    ]
    return [
        *stages,
        *_patterns(prefix),
        Mechanism("learned prefix", learned_prefix.LearnedPrefix, "taken_off", lambda _, found: found),
        *_patterns(text_lines),
        Mechanism("journalctl -o verbose", journal, "_VERBOSE", _NEVER_IN_BYTES),
        Mechanism("journalctl -o export", journal, "_FIRST", _NEVER_IN_BYTES),
        Mechanism("values with newlines of the export format", journal, "_NAME", _NEVER_IN_BYTES),
        Mechanism("marks of json-sse and json-seq", json_entries, "_MARKS", ()),
        Mechanism("JSON over several lines", json_entries.JsonEntries, "_gathered", lambda *_: None),
        Mechanism("JSON on one line", json_entries, "_value_of", _only_in_documents(json_entries._value_of)),
        Mechanism("who wrote an entry", json_fields, "is_kernel", lambda _: True),
    ]


def _patterns(module: ModuleType) -> list[Mechanism]:
    kind = type(lazy_compile("x"))
    found = [(name, value) for name, value in vars(module).items() if isinstance(value, kind)]
    return [Mechanism(f"{module.__name__.rsplit('.', 1)[1]}.{name}", module, name, _NEVER) for name, _ in sorted(found)]


def _only_in_documents(value_of: Callable[[bytes], object]) -> Callable[[bytes], object]:
    return lambda raw: value_of(raw) if b"\n" in raw else None


def golden_logs() -> dict[str, list[bytes]]:
    """Return the lines of the golden logs; of the captures, which are all records of /dev/kmsg, one is enough."""
    captures = [folder for folder in FOLDERS if folder.name.startswith("kernel-")]
    return {folder.name: log_of(folder).split(b"\n") for folder in FOLDERS if folder not in captures[1:]}


def changes(mechanism: Mechanism, logs: dict[str, list[bytes]], whole: dict[str, list[Invocation]]) -> Iterator[str]:
    """Yield the names of the logs of which something else is read without the mechanism."""
    with mechanism.switched_off():
        for name, log in logs.items():
            if list(invocations_of_text(log)) != whole[name]:
                yield name


def read(logs: dict[str, list[bytes]]) -> dict[str, list[Invocation]]:
    """Return what is read with every mechanism."""
    return {name: list(invocations_of_text(log)) for name, log in logs.items()}


def main() -> int:
    """Print which golden logs each mechanism changes."""
    logs = golden_logs()
    whole = read(logs)
    idle = []
    for mechanism in mechanisms():
        changed = list(changes(mechanism, logs, whole))
        print(f"{mechanism.name}: {', '.join(changed) or 'NONE'}", flush=True)
        if not changed:
            idle.append(mechanism.name)
    if idle:
        print(f"\nchange no golden log: {', '.join(idle)}", file=sys.stderr)
    return bool(idle)


if __name__ == "__main__":
    sys.exit(main())
