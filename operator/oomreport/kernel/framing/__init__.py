"""Framing: physical lines of any log become lines of kernel text."""
