"""Containers, pods, owners and quantities, in Kubernetes' words.

Pure: no I/O, no clock, no kernel records. The readers take objects as the API server sends them.

Modules:

    bounds     Bounds on a pod's memory: its node, LimitRanges and ResourceQuotas
    container  The pod and the container behind a memory-cgroup path
    heap       Heap settings in a container's spec
    log_names  Names of pods and containers in the lines of a node's log
    manager    The tool that keeps a workload's manifest, by its marks
    node_room  The memory of a node that its pods have not reserved
    owner      The workload that controls a pod
    pod        The few facts of a pod that matter for its kills
    pod_names  The name patterns of a workload's pods, for metrics queries
    quantity   Kubernetes quantities of memory, read exactly and written as Kubernetes would
    replicas   How many pods a workload is to have, as its object says
    resizable  A pod's memory that can be resized in place (pods/resize)
    shortened  The pod or the runtime that a shortened path still names
"""
