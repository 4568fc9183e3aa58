"""A container's memory on its way to a kill.

Modules:

    composition      What a cgroup's memory consists of, by its statistics
    flight_recorder  A container's memory on its way to a kill, in little room
    forecast         The forecast of when a growing container fills its limit
    history          Earlier kills of a report, as `status.recentKills` keeps them
    trajectory       How a container's memory came to a limit
    usage            A container's memory before its kill. Sizes are bytes
    usage_since      Memory of running containers since the limit last changed, in brief
"""
