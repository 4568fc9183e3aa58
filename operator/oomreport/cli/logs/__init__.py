"""Kernel logs explained, without a cluster."""
