"""Physical lines of any log become lines of the kernel."""
