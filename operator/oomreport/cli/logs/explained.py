"""A record with everything that is said about it."""

from typing import TYPE_CHECKING, Any, NamedTuple

from oomreport.incident.oom_record import RecordSpec
from oomreport.kernel.record import Invocation

if TYPE_CHECKING:
    from oomreport.cli.logs.judgement import Judgement
    from oomreport.cli.logs.pods import Named


class Explained(NamedTuple):
    """What the log says, the record made of it, the pod where it is known, and the advice where it was asked for."""

    invocation: Invocation
    spec: RecordSpec
    named: "Named | None" = None
    judgement: "Judgement | None" = None

    def as_json(self) -> dict[str, Any]:
        """Return it as an item of the list that is printed."""
        return {"spec": self.spec.as_json(), **(self.judgement.as_json() if self.judgement is not None else {})}
