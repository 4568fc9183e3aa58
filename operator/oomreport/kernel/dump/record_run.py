"""A run of whole /dev/kmsg records, taken apart at once.

A text that is too long for one record goes on in the next ones, which have the flag `c`:

    6,1983,35433481,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),..,oom_memcg=
    4,1984,35433490,c;/kubepods.slice/..,task_memcg=..
"""

from collections.abc import Sequence

from oomreport.kernel import lazy_re as re
from oomreport.kernel.line import LONGEST_TEXT

# A number of 64 bits that counts from 0 at boot has no more than 18 digits in any log.
_WITH_FLAG = rb"^[0-7],(\d{1,18}),(\d{1,18}),%s(?:,caller=[TC]\d{1,20})?;([^\n]*)\n"
_RECORD = re.compile(_WITH_FLAG % b"-", re.MULTILINE)
_PIECE = re.compile(_WITH_FLAG % b"([-c])", re.MULTILINE)
# The lines of a dump that name cgroups, whose paths have up to 4096 bytes.
_LONG = (b"oom-kill:constraint=", b"Memory cgroup stats for ")


def records_of(block: bytes, at: int, end: int) -> tuple[list[int], list[int], str] | None:
    """Return the numbers, the stamps and the text of whole records of the kernel, of a line each.

    None where a line is no such record, or a text is not in ASCII.
    """
    count = block.count(b"\n", at, end)
    records = _RECORD.findall(block, at, end)
    if len(records) == count:
        numbers, stamps, texts = zip(*records, strict=True)
    else:
        pieces = _PIECE.findall(block, at, end) if block.find(b",c", at, end) >= 0 else []
        if len(pieces) != count:
            return None
        numbers, stamps, flags, parts = zip(*pieces, strict=True)
        texts = _joined(parts, flags)
    text = b"\n".join(texts)
    if not texts or not text.isascii():
        return None
    return list(map(int, numbers)), list(map(int, stamps)), text.decode("ascii") + "\n"


def _joined(parts: Sequence[bytes], flags: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the texts of records, each with what goes on with it; none where that is another line.

    No other line of a dump is longer than a record.
    """
    texts: list[bytes] = []
    for part, flag in zip(parts, flags, strict=True):
        if flag == b"-":
            texts.append(part)
        # What is escaped is left alone: an escape may be cut in two.
        elif texts and texts[-1].startswith(_LONG) and b"\\" not in texts[-1] + part:
            texts[-1] += part
        else:
            return ()
    return tuple(texts) if max(map(len, texts)) <= LONGEST_TEXT else ()
