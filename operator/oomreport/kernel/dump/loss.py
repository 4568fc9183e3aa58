"""Lost records of the kernel log, counted by their sequence numbers.

/dev/kmsg numbers the records of everybody, so a jump of the number is loss. What counts is the sum between two dumps. A
log that was pasted together holds some records twice, and the numbers start again after a boot: the sum is negative
then, and nothing is known.
"""


class Loss:
    """The sum for one machine's log. `records` may be negative while it is gathered."""

    __slots__ = ("_all_read", "records", "sequence")

    def __init__(self) -> None:
        """Start before the first number, which counts as no loss."""
        self.sequence: int | None = None
        self.records = 0
        self._all_read = True

    def number(self, sequence: int) -> int:
        """Take a record's number in and return how many records are missing right before it; below 1 is none."""
        known, self.sequence = self.sequence, sequence
        if known is None:
            return 0
        missing = sequence - known - 1
        self.records += missing
        return missing

    def passed_over(self) -> None:
        """Say that records were not read: the next number counts as no loss, and the sum is not known."""
        self.sequence = None
        self._all_read = False

    def taken(self) -> int | None:
        """Return the sum, None where records were not read, and start anew."""
        records = self.records if self._all_read else None
        self.records, self._all_read = 0, True
        return records

    def give_back(self, records: int | None) -> None:
        """Take back what `taken` returned, for a dump that turned out to be none."""
        if records is None:
            self._all_read = False
        else:
            self.records += records
