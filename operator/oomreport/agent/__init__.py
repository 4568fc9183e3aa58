"""oomreport-agent: sees the OOM kills of its node and creates an OOMRecord for each.

Lean: one process of the standard library, three threads (the reader, the sender, the health server).

settings     the configuration, read once
log          JSON lines on standard error
clock        kernel stamps as wall-clock time
account      whether the log has told of every kill that the machine counted
known        what is known of one pod, of one container
containers   the pods and containers of this node, also those just gone
tally        how many kills a counter showed and how many of them are in records
flight       a container's gauge and recorder
sampling     the memory of every container, sampled for its recorder
processes    which container a process is in, where that can be known
evidence     what can tell whose an anonymous kill was
ownership    whether a kill is this node's own
reporter     from invocations and counters to records, each kill once, only this node's
outlet       where records go: the spool, or standard output
sender       from the spool to the API server
listener     the kernel log, assembled
watcher      the loop: reads the log, looks at the counters, keeps the checkpoint
main         the command line
"""
