from typing import Any

import pytest

from oomreport.workload.heap import Runtime, heap_settings
from oomreport.workload.quantity import GI, MI


@pytest.mark.parametrize(
    ("container", "runtime", "size"),
    [
        ({"args": ["java", "-Xmx512m", "-jar", "app.jar"]}, Runtime.JVM, 512 * MI),
        ({"command": ["sh", "-c", "exec java -Xms64m -Xmx2G -jar /app.jar"]}, Runtime.JVM, 2 * GI),
        ({"env": [{"name": "JAVA_TOOL_OPTIONS", "value": "-XX:MaxHeapSize=768m"}]}, Runtime.JVM, 768 * MI),
        ({"env": [{"name": "NODE_OPTIONS", "value": "--max-old-space-size=400"}]}, Runtime.NODE, 400 * MI),
        ({"args": ["node", "--max_old_space_size=300", "server.js"]}, Runtime.NODE, 300 * MI),
        ({"env": [{"name": "GOMEMLIMIT", "value": "900MiB"}]}, Runtime.GO, 900 * MI),
        ({"env": [{"name": "GOMEMLIMIT", "value": "1048576"}]}, Runtime.GO, MI),
    ],
)
def test_a_heap_setting_is_found_where_its_runtime_reads_it(
    container: dict[str, Any], runtime: Runtime, size: int
) -> None:
    (found,) = heap_settings(container)

    assert (found.runtime, found.size) == (runtime, size)


def test_a_percentage_depends_on_the_limit() -> None:
    (found,) = heap_settings({"args": ["-XX:MaxRAMPercentage=75.0"]})

    assert found.most(GI) == 768 * MI
    assert found.most(None) is None


def test_the_command_line_wins_over_the_environment_and_the_last_flag_over_the_first() -> None:
    container = {
        "args": ["java", "-Xmx1g", "-Xmx300m"],
        "env": [{"name": "JAVA_TOOL_OPTIONS", "value": "-Xmx2g"}],
    }

    assert [heap.size for heap in heap_settings(container)] == [300 * MI]


@pytest.mark.parametrize(
    "container",
    [
        {},
        {"env": [{"name": "GOMEMLIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}}]},
        {"env": [{"name": "COMMENT", "value": "-Xmx9g"}]},
        {"args": ["-Xmxlots", 5, None]},
        {"env": None, "args": None},
    ],
)
def test_what_sets_no_heap_gives_none(container: dict[str, Any]) -> None:
    assert heap_settings(container) == ()
