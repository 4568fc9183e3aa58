"""Hook deliveries: what is due, where it goes, what became of it."""
