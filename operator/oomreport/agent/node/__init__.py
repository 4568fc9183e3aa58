"""The pods and containers of this node: names, counters, memory, processes."""
