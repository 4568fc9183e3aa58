"""What the agent knows of its node's pods and containers.

Modules:

    containers    The pods and containers of this node, also those just gone
    flight        A container under observation
    kill_counter  The kills that a cgroup's counter showed, against the records
    limit_levels  The limits above a victim that were hit, by their counters
    node_state    The state that is kept of a pod and of a container
    processes     The container of a process, for kill lines without a summary
    sampling      The memory of every container, sampled for its flight recorder
"""
