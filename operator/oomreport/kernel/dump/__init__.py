"""Dumps of the OOM killer, assembled from lines and read as invocations.

The assembler gathers the lines of a dump as entries: kind, line and value. Each line is parsed once. Facts are gathered
from the values, and the invocation is made from the facts. The fast path takes a dump that nothing interrupts at once.

Modules:

    assembler       The assembler of lines into invocations, one per dump
    beginning       The beginning of a dump whose header is lost
    dump            One dump while its lines come
    duplicate_line  A line that stands twice, as two log shippers write it
    entry           A line of a dump with its kind and value
    facts           The facts of a dump, gathered from the values of its lines
    fast_path       The fast path for a dump that nothing interrupts
    invocation      The invocation that a dump tells of
    loss            Lost records of the kernel log, counted by their sequence numbers
    record_run      A run of whole /dev/kmsg records, taken apart at once
"""
