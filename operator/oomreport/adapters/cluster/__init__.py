"""Clients of the API server and of a metrics source."""
