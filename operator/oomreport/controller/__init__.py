"""The controller: kernel records and pod status become reports.

main.py is the process, wiring.py builds its parts, and dispatch.py hands each key of the work queue to its handler.

Modules:

    dispatch       The handler of each kind of key in the work queue
    health         The HTTP server of probes and metrics
    log            JSON lines on standard error
    main           The process `oomreport-controller`: signals, Lease, start and stop
    metrics        What Prometheus is told by the controller
    option_table   The table of the controller's options
    option_values  The values of the controller's options: how each is read and checked
    readiness      The controller's readiness, and the problems that keep it from work
    report_series  The series of reports, made of the reports as they are
    settings       The controller's settings
    watch          The watch of pods and records by Kopf (list_watch.py watches the rest)
    watch_keeper   The keeper of the watch of pods and records
    wiring         The parts of a controller, built from its settings
    delivery/      Deliveries to hooks: lanes, targets and status
    known/         The controller's caches and watches of the cluster
    reporting/     The way from records and pods to reports
    work/          The queue of work, its keys and its backoff
"""
