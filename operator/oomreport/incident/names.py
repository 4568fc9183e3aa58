"""The names of the API that its writers and readers share, usable without the models."""

from typing import Final

from oomreport.incident.oom_record import API_VERSION

GROUP, VERSION = API_VERSION.split("/")

OOM_RECORD: Final = "OOMRecord"
OOM_RECORDS: Final = "oomrecords"
OOM_REPORT: Final = "OOMReport"
OOM_REPORTS: Final = "oomreports"
OOM_POLICY: Final = "OOMPolicy"
OOM_POLICIES: Final = "oompolicies"
OOM_HOOK: Final = "OOMHook"
OOM_HOOKS: Final = "oomhooks"

# A report is found by these three, never by parsing its name. A label's value has at most 63 characters: longer
# workload names are hashed into one.
LABEL_WORKLOAD_KIND: Final = f"{GROUP}/workload-kind"
LABEL_WORKLOAD: Final = f"{GROUP}/workload"
LABEL_CONTAINER: Final = f"{GROUP}/container"

# On pods, one patch per kill. `last-kill` is RFC 3339, `kills` a number, `report` the name of the report.
ANNOTATION_LAST_KILL: Final = f"{GROUP}/last-kill"
ANNOTATION_KILLS: Final = f"{GROUP}/kills"
ANNOTATION_VICTIM: Final = f"{GROUP}/victim"
ANNOTATION_CAUSE: Final = f"{GROUP}/cause"
ANNOTATION_REPORT: Final = f"{GROUP}/report"

# On reports, by people: a time up to which deliveries that were given up are tried again, and a hook (namespace/name)
# after it where only that one's are meant. An annotation, since a change of the spec would be a new review.
ANNOTATION_REDELIVER: Final = f"{GROUP}/redeliver"
