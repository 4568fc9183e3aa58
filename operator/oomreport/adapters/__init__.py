"""Everything that does I/O, one module per thing outside.

On the node (imported by the agent, so standard library only):

log_source      what the sources of the kernel log have in common
kmsg_source     /dev/kmsg: one record per read, sequence numbers
syslog_source   syslog(2): the text of the whole ring, no privilege but CAP_SYSLOG
log_access      which of the two can be read here, and what the other lacks
proc_files      boot id, kernel release, the node's count of kills, the clocks
cgroup_files    the memory cgroups of pods: counters and limits, v1 and v2
memory_files    how much memory a cgroup uses now, and its processes
memory_detail   what that consists of, its peak, swap and pressure
node_files      the names of pods and containers, from the kubelet's log folders
checkpoint      what the agent must remember over a restart
spool           records on disk until they are delivered
http_post       POST over one kept connection
record_client   creates OOMRecords at the API server
health_server   answers the kubelet's probes

Of the controller and the command line:

api_access      where the API server is, and who we are to it
api_server      a thin client of the API server: JSON in, JSON out
prometheus      what a metrics source knows of a container
lease           leader election
"""
