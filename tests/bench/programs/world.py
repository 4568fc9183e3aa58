"""Pods, reports and the kernel's ring, looked at once for all programs."""

import json
from collections import defaultdict

from bench.programs.manifests import CONTAINER
from e2e.kube import Object, kubectl
from e2e.witness import RingKill, ring_kills, running_id, statuses

KILLED = 137


class World:
    """The namespace as it is now, by the name of a Deployment; kills of the kernel are collected over all looks."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._pods: dict[str, list[Object]] = {}
        self._reports: dict[str, Object] = {}
        self._uids: defaultdict[str, set[str]] = defaultdict(set)
        self._kills: dict[tuple[int, int], RingKill] = {}

    def look(self) -> None:
        """Look anew."""
        found = json.loads(kubectl("get", "pods,oomreports", "-n", self._namespace, "-o", "json"))["items"]
        pods: defaultdict[str, list[Object]] = defaultdict(list)
        for one in found:
            if one["kind"] == "Pod":
                name = one["metadata"]["labels"]["app"]
                pods[name].append(one)
                self._uids[name].add(one["metadata"]["uid"])
            elif one["spec"]["container"] == CONTAINER:
                self._reports[one["spec"]["workloadRef"]["name"]] = one.get("status", {})
        self._pods = dict(pods)
        for kill in ring_kills():
            self._kills[kill.stamp_us, kill.pid] = kill

    def running(self, name: str) -> str | None:
        """Return the ID of the running container of the one pod of a Deployment."""
        pods = [one for one in self._pods.get(name, []) if "deletionTimestamp" not in one["metadata"]]
        return running_id(pods[0], CONTAINER) if len(pods) == 1 else None

    def gone(self, name: str) -> bool:
        """Return whether no pod of it is left."""
        return not self._pods.get(name)

    def ends(self, name: str) -> dict[str, int]:
        """Return the exit codes of the instances that ended, by ID, as far as the pods show them."""
        return {
            ended["containerID"]: ended["exitCode"]
            for pod in self._pods.get(name, [])
            if "deletionTimestamp" not in pod["metadata"]
            for status in statuses(pod)
            if status["name"] == CONTAINER
            for state in ("state", "lastState")
            if (ended := status.get(state, {}).get("terminated")) and ended.get("containerID")
        }

    def report(self, name: str) -> Object:
        """Return the status of its report; empty where there is none."""
        return self._reports.get(name, {})

    def kills(self, name: str) -> int:
        """Return how many kills the kernel's ring has of its pods."""
        marks = [mark for uid in self._uids[name] for mark in (uid, uid.replace("-", "_"))]
        return sum(any(mark in kill.memcg for mark in marks) for kill in self._kills.values())
