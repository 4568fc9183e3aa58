"""A kill with everything that is said about it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from oomreport.kernel.record import Invocation

if TYPE_CHECKING:
    from oomreport.cli.logs.judgement import Judgement
    from oomreport.cli.logs.pods import Named


class Account(NamedTuple):
    """What the log says, the same as a record's `spec`, the pod where it is known, and the advice where it was asked for."""

    invocation: Invocation
    spec: Mapping[str, Any]
    named: "Named | None" = None
    judgement: "Judgement | None" = None

    def as_json(self) -> dict[str, Any]:
        """Return it as an item of the list that is printed."""
        return {"spec": self.spec, **(self.judgement.as_json() if self.judgement is not None else {})}
