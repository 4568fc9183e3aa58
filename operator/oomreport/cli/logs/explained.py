"""A record with everything that is said about it."""

from typing import TYPE_CHECKING, Any, NamedTuple

from oomreport.incident.oom_record import Origin, RecordSpec, Source, record_spec, subject_of_invocation
from oomreport.kernel.record import Invocation
from oomreport.kernel.times import YEARLESS
from oomreport.workload.shortened import shortened_subject

if TYPE_CHECKING:
    from oomreport.cli.logs.judgement import Judgement
    from oomreport.cli.logs.pods import Named


class Where(NamedTuple):
    """Where a record begins: the file as it was given, the number of its line, from 1 on, and its place in bytes.

    `line` is None in a log so large that its lines are not counted. `several` says that other files are explained too.
    """

    file: str
    line: int | None
    byte: int
    several: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it as `source` of an item."""
        return {"file": self.file} | ({"byte": self.byte} if self.line is None else {"line": self.line})


class Explained(NamedTuple):
    """What the log says, the record made of it, the pod where it is known, and the advice where it was asked for.

    `alike` are the names of pods that the log gives for the same UID: then none of them is believed.
    """

    invocation: Invocation
    spec: RecordSpec
    named: "Named | None" = None
    judgement: "Judgement | None" = None
    where: Where | None = None
    alike: tuple[str, ...] = ()

    @property
    def file(self) -> str | None:
        """The file that the record is from, where several are explained."""
        return self.where.file if self.where is not None and self.where.several else None

    def as_json(self) -> dict[str, Any]:
        """Return it as an item of the list that is printed."""
        source = {"source": self.where.as_json()} if self.where is not None else {}
        return {
            **source,
            "spec": self.spec.as_json(),
            **(self.judgement.as_json() if self.judgement is not None else {}),
        }


def spec_of(invocation: Invocation, *, source: Source = Source.FILE, node_name: str | None = None) -> RecordSpec:
    """Return the record of an invocation. It has no time where the log tells no zone or no year."""
    wall = invocation.first.wall
    known = wall is not None and wall.tzinfo is not None and wall.year != YEARLESS
    return record_spec(
        invocation,
        origin=Origin(source=source, node_name=node_name),
        time=wall if known else None,
        subject=subject_of_invocation(invocation) or shortened_subject(invocation.log),
    )
