"""HTTP clients and the health server."""
