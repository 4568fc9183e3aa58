"""Hooks: what they are told, when, and what answers mean.

Pure: no I/O, no clock.

Modules:

    address       The addresses that a hook may reach
    answer        What came of an attempt to deliver
    cloud_event   An event as CloudEvents 1.0 in structured mode
    delivery      The state of one delivery, as `status.deliveries` keeps it
    event         What happened to a report, as hooks are told of it
    job           The Job of an event, made from the hook's template
    outbox        What hooks are to be told, kept in the report itself
    report_event  The Kubernetes Events of a report itself, as `kubectl describe` shows them
    resize        The decision to raise the limit of a running container
    response      How a receiver's answer is read
    schedule      When a delivery is tried again, and when it is given up
    selector      Label selectors, as metav1.LabelSelector defines them
    signature     Signatures by the Standard Webhooks specification
"""
