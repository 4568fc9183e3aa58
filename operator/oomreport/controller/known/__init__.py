"""The controller's caches and watches of the cluster.

Modules:

    access_review     The rights of this process (SelfSubjectAccessReview)
    hooks             The OOMHooks of the cluster, and those that fit a report
    list_watch        List and watch of one kind of object
    managers          The tool or person that keeps a workload's manifest: `Evidence.managed_by`
    memory_sources    Sources of what running containers hold
    namespace_bounds  The memory bounds of LimitRanges and ResourceQuotas in all namespaces
    outbox            Edits of deliveries for a report's next write
    owner_labels      Owner labels of workloads, for series and events of hooks
    owners            The workload of a pod, with one question for the object between
    pods              The pods that matter
    policies          The OOMPolicies of the cluster, and the advice that a change concerns
    records           The OOMRecords at the API server
    reports           The OOMReports at the API server
    rule_changes      Changes of rules, and the reports to look at again
    running_memory    Memory of followed workloads' running containers
    surroundings      The bounds of the advice on a container, and its peak: `Evidence.surroundings`
    ttl_cache         A cache with a time to live and a bounded wait
    watch_state       The state of each watch, and the end of its last gap
"""
