"""How many records of the kernel log were overwritten before they could be read, by their sequence numbers.

/dev/kmsg numbers the records of everybody, so a jump of the number is loss. A log that was pasted together holds lines
without a number too, or some records twice: a jump that other lines account for is no loss. So what counts is the sum
between two dumps: how far the number went on, less the lines that were there. That sum is the same whether each line is
read or lines are only counted. Where the numbers start again, as after a boot, it is negative and nothing is known.
"""


class Loss:
    """The sum for one machine's log. `records` may be negative while it is gathered."""

    __slots__ = ("first", "records", "sequence")

    def __init__(self) -> None:
        """Start before the first number, which counts as no loss."""
        self.first: int | None = None
        self.sequence: int | None = None
        self.records = 0

    def number(self, sequence: int) -> int:
        """Take a record's number in and return how many records are missing right before it; below 1 is none."""
        known, self.sequence = self.sequence, sequence
        if known is None:
            self.first = sequence
            return 0
        missing = sequence - known - 1
        self.records += missing
        return missing

    def passed(self, lines: int) -> None:
        """Say that so many lines were there whose number is not known."""
        if self.sequence is not None:
            self.records -= lines

    def taken(self) -> int:
        """Return the sum and start anew."""
        records, self.records = self.records, 0
        return records
