"""Reading: the bytes of a log become invocations of the OOM killer."""
