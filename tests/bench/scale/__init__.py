"""A large cluster on a real API server: objects in bulk, churn, kills, and what the controller takes for them.

cluster   an API server of its own, with the product's CRDs, rights and policies
objects   pods of 11 KB with their owners, records, and the statuses of kills
fill      creates them with many requests at once
process   memory and processor time of a process, and a bare watch to compare with
"""
