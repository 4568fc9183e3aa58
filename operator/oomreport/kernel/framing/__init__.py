"""Framing: physical lines of any log become lines of kernel text.

Modules:

    csv_rows          Rows of CSV that hold the kernel's text in a cell
    framer            The framing pipeline: from physical lines to lines of kernel text
    journal           Entries as `journalctl -o export` and `-o verbose` print them
    json_entries      Log entries in JSON, on one line or on several
    json_fields       The fields of a log entry: text, writer, time and host
    kmsg_records      Records of /dev/kmsg in a file
    learned_prefix    Prefixes that no rule knows, learned from one line of the kernel
    line_joiner       Lines that a mail program or a terminal broke in two
    lost_newline      A summary and the record behind it, on one line
    padding           Lines that a terminal broke and filled with blanks, copied as one
    prefix            The prefixes that programs and people put before the kernel's text
    quoted_printable  Lines of a mail in quoted-printable
    stage             The protocol of the stages of the framing pipeline
    text_lines        Lines of plain text, without colours and prefixes
"""
