"""The agent: one process on each node, from kernel log to OOMRecord.

It sees the OOM kills of its node and creates an OOMRecord for each. It is lean: the standard library only, and three
threads (the watcher, the sender, the health server). `watcher` is the loop, `reporter` decides which kills become
records, `node` holds what the agent knows of its pods.
"""
