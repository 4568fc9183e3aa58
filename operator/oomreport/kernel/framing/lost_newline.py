"""A summary and the record behind it, on one line.

    [   10.000001] oom-kill:constraint=..,task=x,pid=42,uid=1001[   10.000002] Out of memory: Kill process 42 (x) score

A published log had lost its newline there. The golden records hold no such text.
"""

from oomreport.kernel import lazy_re as re

_NEXT_RECORD = re.compile(r"(?<=\d)(?=\[ {0,5}\d{1,8}\.\d{6}\] )")
_END_OF_SUMMARY = re.compile(r",\s*pid=\d+,\s*uid=\d+$")


def end_of_summary(text: str) -> int | None:
    """Return where the next record begins within the line of a summary; None where there is none.

    A comm and the name of a cgroup may hold a stamp and anything behind it. Then the summary goes on to its own end.
    """
    if _END_OF_SUMMARY.search(text):
        return None
    ends = (found.start() for found in _NEXT_RECORD.finditer(text))
    return next((end for end in ends if _END_OF_SUMMARY.search(text, 0, end)), None)
