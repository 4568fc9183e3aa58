"""Figures as a table: for a terminal, or for a page of the documentation."""


def shown(head: tuple[str, ...], lines: list[tuple[str, ...]], *, markdown: bool) -> str:
    """Return lines as a table."""
    widths = [max(len(line[column]) for line in (head, *lines)) for column in range(len(head))]

    def line_of(cells: tuple[str, ...]) -> str:
        padded = [
            cell.ljust(width) if not number else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |" if markdown else "  ".join(padded).rstrip()

    rule = [f"|{'|'.join('-' * (width + 2) for width in widths)}|"] if markdown else []
    return "\n".join([line_of(head), *rule, *(line_of(line) for line in lines)])
