"""Deliveries to hooks: lanes, targets and status.

Modules:

    attempt         One attempt to deliver an event, with the report's present state
    deliverer       The lanes of all hooks
    digest          The digests of one hook: events that a rate limit held back
    filters         The filters of hooks, and which of them cannot be used
    hook_check      Problems of a hook that are known before a delivery
    hook_status     The status of a hook, and the Events of failed deliveries
    hook_target     The target of a hook: a webhook, a Job or a resize
    job_target      The Job that a hook runs for an event
    lane            The lane of one hook: its pending deliveries and their attempts
    rate_limit      The rate limit of one hook: so many events in a period
    resize_target   The resize of a killed container's memory limit in place
    rooms           The room that the hooks of one namespace have among all
    webhook_target  The webhook of a hook: signed events by HTTP
"""
