"""The queue of work, its keys and its backoff."""
