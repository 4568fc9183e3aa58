"""Whole logs become invocations."""
