"""Recommendations as edits of the manifests in a checkout.

Pure: no I/O, no Git. `plan` is the entry; it asks `decision` for each recommendation, which asks `location` where a
workload's memory is written.
"""
