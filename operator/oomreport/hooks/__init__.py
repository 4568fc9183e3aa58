"""Hooks: what they are told, when, and what answers mean.

Pure: no I/O, no clock.

Modules:

    address      Which addresses a hook may reach: whoever may write a hook must not thereby reach what only the
                 controller can
    answer       What came of an attempt to deliver
    cloud_event  An event as CloudEvents 1.0 in structured mode (application/cloudevents+json): what receivers of hooks
                 get
    delivery     The state of telling one hook one thing, as `status.deliveries` of a report keeps it
    event        What happened to a report, as hooks are told of it
    job          The Job that an event becomes: the hook's template, with the event in its environment and as a file
    outbox       What hooks are to be told, kept in the report itself
    resize       Whether the limit of a killed container may be raised while it runs, and to what
    response     How a receiver's answer is read
    schedule     When a delivery is tried again, and when it is given up
    selector     Label selectors, as metav1.LabelSelector defines them
    signature    Signatures by the Standard Webhooks specification, which receivers have libraries for in every language
"""
