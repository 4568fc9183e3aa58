"""Everything that does I/O, one module for each thing outside.

`node` and `storage` are imported by the agent, so they need the standard library only.
"""
