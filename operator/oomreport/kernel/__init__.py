"""The kernel's OOM records, in the kernel's words. Pure: no I/O, no clock, no Kubernetes.

framing    a line of any log becomes text with a stamp
kmsg       the record format of /dev/kmsg
assemble   lines become dumps, one per invocation of the OOM killer
parse      a dump becomes a record
badness    the score of every candidate
memcg      the statistics of the memory cgroup
record     the types
"""
