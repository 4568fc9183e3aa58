"""The controller: kernel records and pod status become reports. It wires, it does not think.

main                    the process: leader election, start and stop
settings, log, health   its options, its messages, its probes
watch                   what the API server tells: of pods and records by Kopf
follow                  of policies and reports without it
policies                how to recommend
bounds, fresh           what bounds advice: nodes, LimitRanges, quotas, replicas, metrics
namespace_bounds        what LimitRanges and quotas allow, watched
changes                 whose advice a change of these concerns
manifests               who keeps a workload's manifest
following               pods that tell whether a recommendation is applied
queue, keys, dispatch   one queue of work, each key once at a time, failures tried again
pods, records, reports  what is remembered between two looks
owners                  from a pod to its workload
routing                 from a record to its report
anonymous               records that name no container
reporting               a report is gathered, decided and written
telling                 annotations, Events and marks: what follows a write
hooks, filters          whom to tell what
outbox                  what hooks are told, in the report's own write
deliverer               attempts when they are due, a lane for each hook
targets, webhook_target what is asked of a target, and the one that sends
hook_notes, metrics     how deliveries go: the hook's status, Events, figures
hook_delivery           all of it put together
housekeeping            what is old is deleted, what was missed is found
"""
