"""The records that were told since the checkpoint.

A process that is killed leaves kills that are told, and a checkpoint that does not know it. The next one reads their
lines once more, and a record of the same name is one record. Where the ring has lost the lines meanwhile, only the
counter shows these kills, and would have them told again under other names: this file says that they are told.

Each checkpoint begins a new file, whose number it holds: an entry is either in the one or behind the other. A power cut
may take entries along; the counters go with the boot as well.
"""

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from oomreport.adapters.storage.files import remove

_NAME = "told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A record that was put. `kills` is how many of the machine's kills it stands for.

    `container_id` and `pod_uid` are those of its subject, None where nobody knew them; `by_counter` says that no line
    told of it.
    """

    name: str
    kills: int
    container_id: str | None = None
    pod_uid: str | None = None
    by_counter: bool = False


class Journal:
    """The journal in a folder. `number` is what the last checkpoint says, None where there is none.

    `told` are the entries behind that checkpoint, oldest first. An entry that cannot be written is left out: what it
    would prevent is a kill told twice after two misfortunes at once.
    """

    def __init__(self, folder: Path, number: int | None) -> None:
        self._folder, self.number = folder, number or 0
        self.told = () if number is None else _read(self._file(self.number))
        self._stream: BinaryIO | None = None
        keep = None if number is None else self._file(self.number)
        for old in folder.glob(f"{_NAME}.*"):
            if old != keep:
                remove(old)

    def add(self, told: Told) -> None:
        """Note that a record was put."""
        try:
            if self._stream is None:
                self._stream = self._file(self.number).open("ab", buffering=0)
                # The last entry of a process that was killed may have no end.
                self._stream.write(b"\n")
            self._stream.write(json.dumps(asdict(told)).encode() + b"\n")
        except OSError:
            self.close()

    def begin(self) -> None:
        """Begin anew behind a checkpoint that was written with the number after this one."""
        self.close()
        remove(self._file(self.number))
        self.number += 1

    def close(self) -> None:
        """Close the file; its entries stay."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _file(self, number: int) -> Path:
        return self._folder / f"{_NAME}.{number}"


def _read(path: Path) -> tuple[Told, ...]:
    """Return the entries of a file; one that was cut off, or is damaged, is none."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return ()
    found = []
    for line in lines:
        with contextlib.suppress(ValueError, TypeError):
            entry: Any = json.loads(line)
            found.append(Told(**entry))
    return tuple(found)
