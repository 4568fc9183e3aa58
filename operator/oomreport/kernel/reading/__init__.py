"""Reading: the bytes of a log become invocations of the OOM killer.

Modules:

    phrases  The phrases of an OOM, and the search for them
    reader   The reader of whole logs: physical lines become invocations
    scanner  The search of large logs: only lines around an OOM are read
"""
