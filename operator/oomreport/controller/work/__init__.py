"""The queue of work, its keys and its backoff.

Modules:

    backoff  Pauses between two tries of what must work in the end
    keys     The keys of the work queue
    queue    A work queue with retries, each key once at a time
"""
