"""Containers, owners and quantities, in Kubernetes' words. Pure: no I/O, no clock, no kernel records.

container   the pod and the container behind a memory-cgroup path
pod         the few facts of a pod that matter here
owner       from a pod to the workload that people know
manager     who keeps the workload's manifest
bounds      what nodes, LimitRanges and quotas allow
pod_names   the names that a workload's pods have
quantity    Kubernetes quantities, read and written
"""
