r"""What shippers, editors and pages put behind a line, learned from a line whose end is known.

    | 2026-02-27 23:58:41 | node-1 | [  pid  ]   uid  tgid total_vm .. oom_score_adj name |
    '[12345.678901] Tasks state (memory values in pages):',
    EVENTS  371..  i-0abc  Feb 27 23:58:41 host kernel: .. oom_score_adj=0   1772236721120

A row of the table ends with a name, which may hold anything; the header, the usage and the heads of the table end in one
way only. So what stands behind those is not the kernel's, and is taken off the lines that follow.
"""

from oomreport.kernel import lazy_re as re
from oomreport.kernel.line import CUT_MARKS
from oomreport.kernel.text.kind import Kind

_ENDS = {
    # 2.6.36 to 3.6 print both values: oom_adj=-17, oom_score_adj=-1000
    Kind.HEADER: re.compile(
        r".*? invoked oom-killer: .*?(?:oom_adj=-?\d+, )?(?:oom_score_adj|oom_adj|oomkilladj)=-?\d+(?!\d)", re.DOTALL
    ),
    Kind.USAGE: re.compile(r".*?failcnt \d+(?!\d)"),
    Kind.TABLE_TITLE: re.compile(r"Tasks state \(memory values in pages\):"),
    Kind.TABLE_HEAD: re.compile(r"\[ *pid *\].*? name(?!\w)"),
}
_LONGEST = 120
_RUNS = re.compile(r"[0-9]+|\s+|[^0-9\s]+")


class LearnedSuffix:
    """The suffix of the lines of one log, as the last line with a known end had it."""

    def __init__(self) -> None:
        """Start without any."""
        self._pattern: re.Pattern[str] | None = None
        self._padded = False

    def taken_off(self, kind: Kind | None, text: str) -> str:
        """Return the text without the suffix; a line with a known end says which one the next ones have."""
        known = _ENDS.get(kind) if kind is not None else None
        if known is not None:
            end = known.match(text)
            if end is not None:
                rest = text[end.end() :]
                if rest in CUT_MARKS:
                    return text
                self._padded = rest.isspace()
                self._pattern = _shape_of(rest)
                return end.group()
        if self._padded:
            return text.rstrip()
        if self._pattern is None:
            return text
        suffix = self._pattern.search(text, max(len(text) - 2 * _LONGEST, 0))
        if suffix is None:
            return text
        kernel_text = text[: suffix.start()]
        return kernel_text.rstrip() if suffix.group()[:1].isspace() else kernel_text


def _shape_of(suffix: str) -> re.Pattern[str] | None:
    # A column of a table or the frame of a terminal pads with any number of blanks.
    if not suffix or suffix.isspace() or len(" ".join(suffix.split())) > _LONGEST or suffix[0].isalnum():
        return None
    shape = "".join(r"\d+" if run.isdigit() else r"\s+" if run.isspace() else re.escape(run)
                    for run in _RUNS.findall(suffix))  # fmt: skip
    return re.compile((r"\s*" if not suffix[0].isspace() else "") + shape + "$")
