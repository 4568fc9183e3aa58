"""Who saw a kill: kernel record, counter and pod status joined.

Modules:

    attribution     Find the containers of kills that the log leaves anonymous
    cause           Whose limit it was, in words that a person acts on
    correlation     Kernel records and pod status joined: each kill once, with a verdict
    counter_kills   Kills that a cgroup's counter told, joined with their lines
    evidence        Everything known about one report, gathered before anything is decided
    ledger          The ledger of a report: what was counted, so that nothing is counted twice
    matching        Kernel records that name no container, matched with terminations that have no record
    pod_statistics  The containers of a pod at its limit, by the statistics of the kernel's text
    policy          How to recommend: what people may set, and what holds where they set nothing
    surroundings    What bounds a recommendation, and what is known about a container besides its kills. None: not
                    known, or none set
"""
