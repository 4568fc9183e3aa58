"""Clients of the API server and of a metrics source.

Modules:

    api_access     The address of the API server, and the credentials for it
    api_server     A thin client of the API server on aiohttp
    lease          Leader election by a Lease
    objects        What is read of any object that the API server sends
    own_account    The account of this process, as the API server knows it
    pod_filter     A filter for pod events, between the API server's stream and Kopf
    policy_check   The reports that each OOMPolicy holds for, and overrides that name nothing
    prometheus     Queries for a container's memory at a metrics source
    record_client  Creation of OOMRecords at the API server
"""
