"""Records of /dev/kmsg in a file."""

from oomreport.kernel.framing.stage import Item
from oomreport.kernel.kmsg import line_of_record


class KmsgRecords:
    """Reads each record by itself."""

    idle = True

    def feed(self, item: Item) -> list[Item] | None:
        """Return the record's line."""
        line = line_of_record(item) if isinstance(item, bytes) and item[:1].isdigit() else None
        return None if line is None else [line]

    def flush(self) -> list[Item]:
        """Return nothing: no record is held."""
        return []
