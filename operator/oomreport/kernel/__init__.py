"""The kernel's OOM records, in the kernel's words.

Pure: no I/O, no clock, no Kubernetes. A record of /dev/kmsg, or a line of any other log, becomes a `Line`. The lines of
one invocation of the OOM killer become a dump, and a dump becomes an `Invocation`. A new kernel format is a change in
`text`; a new form of log is a change in `framing`.

Modules:

    kmsg           The record format of /dev/kmsg and the text of syslog(2)
    lazy_re        Regular expressions that are compiled at their first use
    line           A line of kernel log, from whatever form of log
    record         The values of one invocation of the kernel's OOM killer
    record_bounds  Where a record begins in the text of syslog(2)
    times          Wall-clock times as logs print them
    dump/          Dumps of the OOM killer, assembled from lines and read as invocations
    framing/       Framing: physical lines of any log become lines of kernel text
    reading/       Reading: the bytes of a log become invocations of the OOM killer
    text/          Parsers of single lines of an OOM record, without state
"""
