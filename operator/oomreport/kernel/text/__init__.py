"""What one line of an OOM record says. No state."""
