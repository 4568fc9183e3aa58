"""The kernel's OOM records, in the kernel's words. Pure: no I/O, no clock, no Kubernetes.

From bytes to records, each stage fed by the one before:

    scan        logs of many gigabytes: only what is around an OOM is read: search
    reader      whole logs become invocations
    framing     physical lines of any log become lines: prefix, learned, structured, entries, wrapped, wall
    kmsg        the same for records of /dev/kmsg and for the text of syslog(2)
    assemble    lines become dumps, one per invocation of the OOM killer: kind, dump, loss
    parse       a dump becomes an invocation: summary, killed, table, memcg, meminfo
    candidates  the rows of the table, ranked: badness
    line, record  the types
"""
