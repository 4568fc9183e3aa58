"""The status of an OOMReport: conditions, review, notices."""
