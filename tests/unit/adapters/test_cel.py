"""Filters: what fits, what is refused, and what a filter may cost."""

import subprocess
import sys
import time

import pytest

from oomreport.adapters.cel import Filter, FilterFailed, FilterInvalid

EVENT = {
    "event": "OOMKilled",
    "kills": 7,
    "report": {"namespace": "shop", "name": "deployment-web-api"},
    "workload": {"kind": "Deployment", "name": "web"},
    "kill": {"cause": "ContainerLimit", "silent": False, "victim": {"comm": "node"}, "tasks": [{"comm": "a"}] * 20},
    "recommendation": {"action": "RaiseLimit", "memoryLimit": "320Mi"},
}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('event.event == "OOMKilled" && event.kills > 3', True),
        ("event.kills > 10", False),
        ('event.report.namespace.startsWith("sh")', True),
        ('event.workload.name.matches("^w.b$")', True),
        ("has(event.kill.victim) && !event.kill.silent", True),
        ("has(event.nothing) && event.nothing.more > 1", False),
        ('event.kill.tasks.exists(one, one.comm == "a")', True),
        ('event.kill.cause in ["PodLimit", "ContainerLimit"]', True),
        ('event.kill.victim.comm == ".all(.all(.all(.all("', False),
    ],
)
def test_a_filter_fits(text: str, *, fits: bool):
    assert Filter(text).matches(EVENT) is fits


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("event.(", "Syntax error"),
        ("true", "does not look at event"),
        ("event.kills > " + "1" * 3000, "longer than"),
        ("event.a.all(a, event.a.all(b, event.a.all(c, true)))", "in each other"),
        ("event.a . exists ( a , event.a.map(b, event.a.filter(c, true)) == [])", "in each other"),
        (" && ".join(["event.a.all(a, true)"] * 7), "more than 6 loops"),
        ('// "\nevent.a.all(a, event.a.all(b, event.a.all(c, true)))\n// "', "in each other"),
        ("// '''\nevent.a.all(a, event.a.all(b, event.a.all(c, true)))\n// '''", "in each other"),
        ('event.a.all(a, event.a.all(b, event.a// "\n.all(c, true)))', "in each other"),
        ('event.a == "//" && event.a.all(a, event.a.all(b, event.a.all(c, true)))', "in each other"),
        ("(" * 1000 + "event.a" + ")" * 1000, ""),
        ("!" * 2000, ""),
        ('"""' + "\\" * 60, ""),
        ("r'''" + "\\" * 60, ""),
        ('"""' + '\\"' * 900, ""),
    ],
)
def test_what_cannot_be_compiled_or_costs_too_much_is_refused_and_says_why(text: str, why: str):
    with pytest.raises(FilterInvalid) as caught:
        Filter(text)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "text", ["event.nothing.more > 1", "event.kills", "event.kills + 'a' == 'b'", "event.workload.name.matches('(')"]
)
def test_what_cannot_be_evaluated_says_why(text: str):
    with pytest.raises(FilterFailed) as caught:
        Filter(text).matches(EVENT)
    assert str(caught.value)


def test_the_dearest_filter_that_is_allowed_takes_less_than_a_second():
    numbers = "[" + ",".join(["1"] * 450) + "]"
    dear = Filter(f"{numbers}.all(a, {numbers}.all(b, a + b > 0)) && event.kills > 0")
    started = time.perf_counter()
    assert dear.matches(EVENT)
    assert time.perf_counter() - started < 5


def test_a_filter_loads_no_package_for_terminals() -> None:
    code = (
        "import sys; from oomreport.adapters.cel import Filter; assert Filter('event.kills > 1').matches({'kills': 2});"
        "print(sorted({'typer', 'rich', 'pygments', 'prompt_toolkit'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
