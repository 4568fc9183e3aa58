r"""Physical lines that a transport cut, put together again.

2026-02-27T23:59:00.1Z stdout P first                     a partial line of the CRI, then one with F
6,901,23,-,ncfrag=0/1200;first                            netconsole's fragments
oom-kill:constraint=3DCONSTRAINT_MEMCG,nodemask=3D(null),cpuset=          quoted-printable mail: a `=` at the end
"""

from oomreport.kernel import lazy_re as re

_CRI = re.compile(rb"\d{4}-\d\d-\d\dT\S+ (stdout|stderr) ([FP]) (.*)", re.DOTALL)
_FRAGMENT = re.compile(
    rb"((?:\d+\.\d[^,;\s]*,)?\d{1,10},\d{1,20},\d{1,20},[^,;\n]{1,16}(?:,[^;\n]{0,200}?)?),ncfrag=(\d+)/(\d+);(.*)",
    re.DOTALL,
)
_SOFT_BREAK_FROM, _SOFT_BREAK_TO = 60, 78
_QUOTED = re.compile(rb"(?:[^=]|=[0-9A-F]{2})*=?")
_CODE = re.compile(rb"=([0-9A-F]{2})")
# A record of /dev/kmsg is whole, whatever its text ends with.
_RECORD = re.compile(rb"\d{1,10},\d{1,20},\d{1,20},")
_MOST_BYTES = 1 << 20


class Pieces:
    """Holds the beginning of a line back until its end comes."""

    def __init__(self) -> None:
        """Start with nothing held."""
        self._partial = b""
        self._head = b""
        self._fragments = b""
        self._soft = b""

    @property
    def idle(self) -> bool:
        """Whether nothing is held back."""
        return not (self._partial or self._fragments or self._soft)

    def feed(self, raw: bytes) -> bytes | None:
        """Take a physical line in and return the whole line that it is or ends, None where more is to come."""
        if b" std" in raw[:64]:
            return self._partial_line(raw)
        if b",ncfrag=" in raw[:256]:
            return self._fragment(raw)
        if self._soft or ((raw[-1:] == b"=" or b"=3D" in raw) and not _RECORD.match(raw)):
            return self._quoted_printable(raw)
        return raw

    def flush(self) -> bytes:
        """Return what is held back; empty where nothing is."""
        held = self._partial or self._soft or (self._head + b";" + self._fragments if self._fragments else b"")
        self._partial = self._fragments = self._soft = b""
        return held

    def _partial_line(self, raw: bytes) -> bytes | None:
        partial = _CRI.match(raw)
        if partial is None:
            return raw
        if partial.group(2) == b"P":
            self._partial += partial.group(3) if self._partial else raw
            return None if len(self._partial) < _MOST_BYTES else self.flush()
        whole, self._partial = (self._partial + partial.group(3) if self._partial else raw), b""
        return whole

    def _fragment(self, raw: bytes) -> bytes | None:
        found = _FRAGMENT.match(raw)
        if found is None:
            return raw
        head, offset, size, text = found.group(1), int(found.group(2)), int(found.group(3)), found.group(4)
        if offset == 0:
            self._head, self._fragments = head, text
        elif head == self._head and offset == len(self._fragments):
            self._fragments += text
        else:
            return head + b";" + text  # one before it was lost
        return self.flush() if len(self._fragments) >= size or len(self._fragments) > _MOST_BYTES else None

    def _quoted_printable(self, raw: bytes) -> bytes | None:
        if not _QUOTED.fullmatch(raw):
            held, self._soft = self._soft, b""
            return held + raw
        self._soft += raw
        if raw[-1:] == b"=" and _SOFT_BREAK_FROM <= len(raw) <= _SOFT_BREAK_TO and len(self._soft) < _MOST_BYTES:
            self._soft = self._soft[:-1]
            return None
        whole, self._soft = self._soft, b""
        if b"=3D" not in whole and whole == raw:
            return raw
        return _CODE.sub(lambda code: bytes((int(code.group(1), 16),)), whole)
