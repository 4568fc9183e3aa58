"""The API server, and what stands beside it."""
