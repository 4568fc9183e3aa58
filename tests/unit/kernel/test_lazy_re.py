import importlib
import pkgutil
import re

import oomreport.kernel
from oomreport.kernel import lazy_re


def test_every_pattern_of_the_kernel_compiles() -> None:
    compiled = 0
    for module in pkgutil.walk_packages(oomreport.kernel.__path__, "oomreport.kernel."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, lazy_re._Uncompiled):
                re.compile(value.pattern, value.flags)  # type: ignore[attr-defined]
                compiled += 1
    assert compiled > 100


def test_a_pattern_does_what_one_of_the_library_does() -> None:
    ours, library = lazy_re.compile(r"(\d+)\n", lazy_re.DOTALL), re.compile(r"(\d+)\n", re.DOTALL)
    text = "a12\n7\nb"
    assert ours.findall(text) == library.findall(text)
    assert ours.sub("-", text) == library.sub("-", text)
    assert ours.search(text, 3).span() == library.search(text, 3).span()  # type: ignore[union-attr]
    assert (ours.pattern, ours.groups) == (library.pattern, library.groups)
    assert ours.match(text) is None
