"""Who saw a kill: kernel record, counter and pod status joined.

Modules:

    attribution     Find the containers of kills that the log leaves anonymous
    cause           Whose limit it was, in words that a person acts on
    correlation     Kernel records and pod status joined: each kill once, with a verdict
    counter_kills   Kills that a cgroup's counter told, joined with their lines
    evidence        Everything known about one report, gathered before anything is decided
    ledger          The ledger of counted kills, so that none counts twice
    matching        Records without a container, matched with terminations without a record
    pod_statistics  The containers of a pod at its limit, by the kernel's statistics
    policy          The policy of recommendations: what people set, and the defaults
    surroundings    The bounds of a recommendation, and a container's known peak
"""
