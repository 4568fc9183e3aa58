"""A container's memory on its way to a kill.

Modules:

    composition      What a cgroup's memory consists of, by its statistics
    flight_recorder  A container's memory on its way to a kill, in little room
    forecast         When a limit will be full, if the growth of a running container goes on
    history          Earlier kills of a report, as `status.recentKills` keeps them: how a limit was met before says what
                     it means now
    trajectory       How a container's memory came to a limit
    usage            A container's memory before its kill, as the agent read it from the cgroup. Sizes are bytes
    usage_since      What the running containers of a workload held since the last change of its limit, in little room
"""
