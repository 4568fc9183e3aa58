"""Findings and the recommended limit."""
