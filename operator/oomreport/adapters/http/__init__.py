"""HTTP clients and the health server.

Modules:

    health_server  The health server of the agent
    http_post      POST over one kept connection, for the agent
    http_session   The session of an aiohttp client, closed with it
    name_resolver  Names of webhooks' hosts, resolved in threads of their own
    webhook        One POST to an address that a hook's author chose
"""
