"""Files: logs, spool, checkpoint."""
