"""Clients of the API server and of a metrics source.

Modules:

    api_access      The address of the API server, and the credentials for it
    api_server      A thin client of the API server on aiohttp
    client_package  The API server through the Python package `kubernetes`
    connection      The cluster that a command talks to, by what this machine has
    http_transport  Requests to the API server by the standard library's HTTP client
    kubeconfig      A kubeconfig whose credentials are written in it
    kubectl_proxy   The API server through `kubectl proxy`
    lease           Leader election by a Lease
    nesting         The nesting of objects that others wrote
    objects         What is read of any object that the API server sends
    own_account     The account of this process, as the API server knows it
    policy_check    The reports that each OOMPolicy holds for, and overrides that name nothing
    prometheus      Queries for a container's memory at a metrics source
    record_client   Creation of OOMRecords at the API server
    transport       Requests to the API server, as the command line sends them
    watch_filter    A filter for events between the API server's stream and Kopf
"""
