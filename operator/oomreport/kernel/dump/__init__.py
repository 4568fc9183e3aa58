"""Lines of the kernel become dumps, and dumps become invocations."""
