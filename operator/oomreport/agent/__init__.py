"""The agent: one process on each node, from kernel log to OOMRecord.

It sees the OOM kills of its node and creates an OOMRecord for each. It is lean: the standard library only, and three
threads (the watcher, the sender, the health server). `watcher` is the loop, `reporter` decides which kills become
records, `node` holds what the agent knows of its pods.

Modules:

    anonymous_clues  Clues to the container of a kill that names none
    belief           The checks that a kill in the log must pass
    clock            Kernel stamps as wall-clock time
    kill_balance     The balance of kills in the log and kills counted
    listener         The reader of the kernel log, from lines to invocations
    log              JSON lines on standard error
    main             The command line of the agent: settings, wiring, signals
    metrics          What Prometheus is told by an agent, as text
    ownership        The decision whether a kill is this node's own
    record_sink      The sink of records: the spool, or standard output
    refusals         The count of what was refused as forged, by reason
    reporter         The decision which kills become records
    sender           The sender: from the spool to the API server, in a thread
    settings         The agent's configuration, read once and frozen
    watcher          The agent's loop: log, counters, checkpoint
    node/            What the agent knows of its node's pods and containers
"""
