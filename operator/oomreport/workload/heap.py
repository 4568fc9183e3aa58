"""Heap settings in a container's spec.

They say how much memory a language runtime believes it may take.

    JVM       -Xmx512m, -XX:MaxRAMPercentage=75 in command, args, JAVA_TOOL_OPTIONS, JDK_JAVA_OPTIONS, JAVA_OPTS or
              _JAVA_OPTIONS; without either, a quarter of the container's limit (half where that is small)
    Node.js   --max-old-space-size=400 (MiB) in command, args, NODE_OPTIONS
    Go        GOMEMLIMIT=400MiB, a soft limit that the collector works to keep; B KiB MiB GiB TiB

The heap is only part of a process: a JVM adds metaspace, code cache and a stack per thread; Node.js adds its buffers.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_JAVA_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "JAVA_OPTS", "JVM_OPTS", "CATALINA_OPTS")
_VARIABLES = frozenset({*_JAVA_VARIABLES, "NODE_OPTIONS", "GOMEMLIMIT"})
_XMX = re.compile(r"-Xmx(\d{1,18})([kKmMgGtT]?)(?![\w.])")
_MAX_HEAP = re.compile(r"-XX:MaxHeapSize=(\d{1,18})([kKmMgGtT]?)(?![\w.])")
_PERCENT = re.compile(r"-XX:MaxRAMPercentage=(\d{1,3}(?:\.\d{1,6})?)")
_OLD_SPACE = re.compile(r"--max[-_]old[-_]space[-_]size[= ](\d{1,12})")
_GO_LIMIT = re.compile(r"(\d{1,18})(B|KiB|MiB|GiB|TiB)?")
_SHIFT = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40}


class Runtime(StrEnum):
    """The language runtime that has the heap."""

    JVM = "JVM"
    NODE = "Node.js"
    GO = "Go"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeapSetting:
    """A setting as it stands in the spec (`text`). `size` in bytes, or `percent` of the container's limit."""

    runtime: Runtime
    text: str
    size: int | None = None
    percent: float | None = None

    def most(self, limit: int | None) -> int | None:
        """Return how large the heap may grow under a limit."""
        if self.size is not None:
            return self.size
        return int(limit * self.percent / 100) if limit is not None and self.percent is not None else None


def heap_settings(container: Mapping[str, Any]) -> tuple[HeapSetting, ...]:
    """Return the heap settings of a spec. For one runtime the last setting wins, as it does there."""
    found: dict[Runtime, HeapSetting] = {}
    for variable, text in _texts(container):
        for setting in _in_text(variable, text):
            found[setting.runtime] = setting
    return tuple(found.values())


def _texts(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield texts by the variable that holds them, the weakest first: a command line wins over JAVA_TOOL_OPTIONS."""
    for variable in container.get("env") or ():
        if isinstance(variable, Mapping) and isinstance(variable.get("value"), str):
            name = str(variable.get("name"))
            if name in _VARIABLES:
                yield name, variable["value"]
    parts = [*(container.get("command") or ()), *(container.get("args") or ())]
    yield "", " ".join(part for part in parts if isinstance(part, str))


def _in_text(variable: str, text: str) -> Iterator[HeapSetting]:
    if variable == "GOMEMLIMIT":
        match = _GO_LIMIT.fullmatch(text.strip())
        if match:
            size = int(match[1]) << _SHIFT[(match[2] or "")[:1].lower()]
            yield HeapSetting(runtime=Runtime.GO, text=f"GOMEMLIMIT={text.strip()}", size=size)
        return
    if not variable or variable in _JAVA_VARIABLES:
        for match in sorted((*_XMX.finditer(text), *_MAX_HEAP.finditer(text)), key=lambda one: one.start())[-1:]:
            size = int(match[1]) << _SHIFT[match[2].lower()]
            yield HeapSetting(runtime=Runtime.JVM, text=match[0], size=size)
        if not (_XMX.search(text) or _MAX_HEAP.search(text)):
            for match in list(_PERCENT.finditer(text))[-1:]:
                yield HeapSetting(runtime=Runtime.JVM, text=match[0], percent=float(match[1]))
    if not variable or variable == "NODE_OPTIONS":
        for match in list(_OLD_SPACE.finditer(text))[-1:]:
            yield HeapSetting(runtime=Runtime.NODE, text=match[0], size=int(match[1]) << 20)
