"""Everything that does I/O, one module for each thing outside.

`node` and `storage` are imported by the agent, so they need the standard library only.

Modules:

    cel          Hook filters in the Common Expression Language
    cel_process  Filters evaluated in a process with a limit of time and memory
    cel_worker   The process that evaluates hook filters for the controller
    cluster/     Clients of the API server and of a metrics source
    http/        HTTP clients and the health server
    node/        What a node tells: kernel log, cgroups, /proc, names of pods
    storage/     Files: logs, spool, checkpoint
"""
