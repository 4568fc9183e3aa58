"""What a node tells: kernel log, cgroups, /proc, names of pods.

Modules:

    cgroup_files   The memory cgroups of pods: kill counters and limits
    kmsg_source    The kernel log by /dev/kmsg: one read(2) is one record
    log_access     The source of the kernel log that this process can read
    log_source     The interface of a kernel log source
    memory_detail  What a cgroup's memory consists of, its peak, swap and pressure
    memory_files   The memory usage and the processes of a cgroup, read cheaply
    node_files     The names of pods and containers, from the kubelet's log folders
    proc_files     Facts of the running kernel, from /proc
    syslog_source  The kernel log by syslog(2), the whole ring at each call
"""
