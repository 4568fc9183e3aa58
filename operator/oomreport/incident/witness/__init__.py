"""Who saw a kill: kernel record, counter and pod status joined."""
