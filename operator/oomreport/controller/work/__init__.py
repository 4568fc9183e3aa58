"""The queue of work, its keys and its backoff.

Modules:

    backoff    Pauses between two tries of what must work in the end
    keys       The keys of the work queue
    loop_time  Waits that count only the time in which the loop was there
    queue      A work queue with retries, each key once at a time
"""
