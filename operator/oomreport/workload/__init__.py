"""Containers, pods, owners and quantities, in Kubernetes' words.

Pure: no I/O, no clock, no kernel records. The readers take objects as the API server sends them.
"""
