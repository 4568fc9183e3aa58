"""What is remembered of pods and records, and what is not."""

from datetime import timedelta
from typing import Any

from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.records import RecordCache
from oomreport.controller.work.keys import node_report_key
from oomreport.incident.witness.evidence import RecordFacts
from oomreport.workload.owner import Workload
from oomreport.workload.pod import OwnerReference, PodFacts
from support.evidence import UID, after, cid, ended, pod, record, running

KEY = node_report_key("oomreport-system", "worker-1", host=False)


def raw(uid: str = UID, **container: Any) -> dict[str, Any]:
    status = {"name": "api", "containerID": f"containerd://{cid(1)}", "state": {"running": {}}, **container}
    return {"metadata": {"uid": uid}, "status": {"containerStatuses": [status]}}


def facts(version: int = 1, **values: Any) -> PodFacts:
    return pod(values.pop("container", running()), resource_version=str(version), **values)


def test_an_ordinary_pod_is_not_wanted_until_something_points_at_it():
    pods = PodCache()
    assert not pods.wants(raw())
    assert pods.wants(raw(lastState={"terminated": {"reason": "OOMKilled", "exitCode": 137}}))
    pods.watch(cid(1))
    assert pods.wants(raw())
    pods.unwatch(cid(1))
    pods.put(facts(), now=after(0))
    assert pods.wants(raw())


def test_an_older_state_changes_nothing():
    pods = PodCache()
    assert pods.put(facts(7, container=ended()), now=after(0))
    assert not pods.put(facts(6), now=after(1))
    assert not pods.put(facts(8, container=ended()), now=after(1))
    assert pods.get(UID).containers[0].terminations


def test_the_end_of_an_earlier_instance_is_kept_for_a_while_though_status_shows_a_later_one():
    pods = PodCache()
    for number in range(1, 13):
        pods.put(facts(number, container=ended(instance=cid(number))), now=after(number))
    kept = [end.container_id for end in pods.get(UID).containers[0].terminations]
    assert kept == [cid(number) for number in range(12, 3, -1)]
    pods.put(facts(13, container=running(instance=cid(13))), now=after(12 + 300))
    assert pods.get(UID).containers[0].terminations == ()


def test_annotations_are_remembered_and_are_no_news():
    pods = PodCache()
    assert pods.put(facts(7, container=ended()), now=after(0))
    assert not pods.put(facts(8, container=ended(), annotations=(("oomreport.dev/kills", "1"),)), now=after(1))
    assert pods.get(UID).annotations == (("oomreport.dev/kills", "1"),)


def test_a_deleted_pod_is_remembered_for_a_while_and_does_not_come_back():
    pods = PodCache()
    pods.put(facts(7), now=after(0))
    pods.set_workload(facts(7), Workload(api_version="apps/v1", kind="Deployment", name="web"))
    pods.put(facts(8, deleted=True), now=after(10))
    assert not pods.put(facts(7), now=after(11))
    assert pods.get(UID).deleted
    assert pods.of_workload("shop", ("apps", "Deployment", "web"))
    pods.sweep(now=after(10) + timedelta(minutes=14))
    assert pods.get(UID)
    pods.sweep(now=after(10) + timedelta(minutes=16))
    assert pods.get(UID) is None
    assert pods.workload(UID) is None
    assert pods.of_workload("shop", ("apps", "Deployment", "web")) == ()


def ends_told(*, at: float, deleted: bool, report_deleted_at: float) -> list[str]:
    """Return the ends that a report tells, made again after one that was deleted at this time."""
    pods, identity = PodCache(), ("apps", "Deployment", "web")
    pods.put(facts(7, container=ended(seconds=at)), now=after(at + 1))
    pods.set_workload(facts(7), Workload(api_version="apps/v1", kind="Deployment", name="web"))
    pods.set_told("shop", identity, "api", now=after(report_deleted_at))
    # Whether pods or reports of a namespace go first is not known.
    pods.put(facts(8, container=ended(seconds=at), deleted=deleted), now=after(30))
    pods.sweep(now=after(60))
    return [
        end.container_id for one in pods.of_report("shop", identity, "api") for end in one.containers[0].terminations
    ]


def test_the_end_of_a_deleted_pod_that_a_deleted_report_told_is_not_told_by_the_next_one():
    """A namespace that is deleted and made again, as tests do, has the same workloads."""
    assert ends_told(at=5, deleted=True, report_deleted_at=20) == []
    assert ends_told(at=25, deleted=True, report_deleted_at=20) == [cid(1)]
    assert ends_told(at=5, deleted=False, report_deleted_at=20) == [cid(1)]


def test_a_static_pod_is_found_by_its_config_hash():
    pods = PodCache()
    pods.put(facts(config_hash="f" * 32), now=after(0))
    assert pods.get("f" * 32).uid == UID


def test_the_first_sight_of_an_end_is_kept_while_its_pod_is():
    pods = PodCache()
    pods.put(facts(1, container=ended()), now=after(3))
    pods.put(facts(2, container=ended()), now=after(9))
    assert pods.first_seen == {cid(1): after(3)}
    pods.drop(pods.get(UID))
    pods.sweep(now=after(10))
    assert pods.first_seen == {}


def test_an_agent_is_healthy_while_its_pod_is_ready():
    pods = PodCache()
    ready = facts(ready_since=after(-60))
    pods.set_agent(ready)
    assert pods.healthy_since() == {"worker-1": after(-60)}
    pods.set_agent(facts(uid="another", ready_since=None))
    assert pods.healthy_since() == {"worker-1": after(-60)}
    pods.set_agent(facts(ready_since=after(-60), deleted=True))
    assert pods.healthy_since() == {}


def test_a_record_is_open_until_it_says_that_it_was_used():
    records = RecordCache()
    assert records.put(record("r"), now=after(0))
    records.route("r", KEY)
    assert [one.name for one in records.of_report(KEY)] == ["r"]
    assert records.has_own(cid(1))
    records.mark_used("r", after(1))
    assert records.of_report(KEY) == ()
    assert not records.put(record("r"), now=after(2))
    assert records.has_own(cid(1))
    records.drop("r")
    assert not records.has_own(cid(1))


def test_a_match_comes_and_goes_with_the_records_status():
    records = RecordCache()
    anonymous = {"uid": None, "status": {}}
    records.put(record("r", **anonymous), now=after(0))
    assert not records.has_own(cid(2))
    claimed = record("r", uid=None, status={"containerID": cid(2), "reportRef": {"namespace": "shop", "name": "x"}})
    records.put(claimed, now=after(1))
    assert records.has_own(cid(2))
    records.put(record("r", **anonymous), now=after(2))
    assert not records.has_own(cid(2))


def test_a_record_that_another_controller_claims_anew_is_no_longer_where_it_was_routed_to():
    records = RecordCache()

    def claimed(report: str, container: str) -> RecordFacts:
        status = {"containerID": container, "reportRef": {"namespace": "shop", "name": report}}
        return record("r", uid=None, status=status)

    records.put(claimed("first", cid(1)), now=after(0))
    records.route("r", KEY)
    records.put(claimed("first", cid(1)), now=after(1))
    assert records.of_report(KEY)
    records.put(claimed("second", cid(2)), now=after(2))
    assert records.of_report(KEY) == ()
    assert records.key_of("r") is None


WEB = Workload(api_version="apps/v1", kind="Deployment", name="web")


def owned(name: str = "web-7d9c-x2x4z", *, kind: str = "ReplicaSet", owner: str = "web-7d9c") -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": "1", "controller": True}
    return {"metadata": {"namespace": "shop", "name": name, "uid": name, "ownerReferences": [reference]}}


def test_the_pods_of_a_followed_workload_are_wanted_healthy_or_not():
    pods = PodCache()
    assert not pods.wants(owned())
    assert pods.follow("shop", WEB, "api")
    assert pods.wants(owned())
    # Its name may be another's too; that is found out later.
    assert pods.wants(owned("web-0", kind="StatefulSet", owner="web"))
    assert not pods.wants(owned("other-7d9c-x2x4z", owner="other-7d9c"))
    assert not pods.wants({"metadata": {"namespace": "shop", "name": "bare", "uid": "u"}})
    pods.unfollow("shop", WEB, "api")
    assert not pods.wants(owned())


def test_a_workload_is_followed_while_one_of_its_containers_is_and_listed_once():
    pods = PodCache()
    assert pods.follow("shop", WEB, "api")
    pods.set_listed("shop", WEB.identity)
    assert not pods.follow("shop", WEB, "sidecar")
    assert pods.followed("shop", WEB.identity) == ((WEB, "api"), (WEB, "sidecar"))
    pods.unfollow("shop", WEB, "api")
    assert pods.is_listed("shop", WEB.identity)
    pods.unfollow("shop", WEB, "sidecar")
    assert not pods.is_listed("shop", WEB.identity)
    assert pods.followed_in("shop") == ()
    pods.set_listed("shop", WEB.identity)
    assert not pods.is_listed("shop", WEB.identity)


def test_healthy_pods_are_forgotten_with_the_last_report_and_those_with_an_end_are_not():
    pods = PodCache()
    pods.follow("shop", WEB, "api")
    for uid, one in (("a", running()), ("b", ended())):
        pods.put(facts(uid=uid, container=one), now=after(0))
        pods.set_workload(pods.get(uid), WEB)
    pods.unfollow("shop", WEB, "api")
    assert pods.get("a") is None
    assert pods.get("b")


def test_pods_that_told_nothing_since_a_listing_began_are_known():
    pods = PodCache()
    pods.follow("shop", WEB, "api")
    owner = OwnerReference(api_version="apps/v1", kind="ReplicaSet", name="web-7d9c", uid="1")
    pods.put(facts(uid="early", owner=owner), now=after(0))
    pods.put(facts(uid="late", owner=owner), now=after(10))
    pods.put(facts(uid="foreign", owner=None), now=after(0))
    assert [one.uid for one in pods.unheard_of_since("shop", after(5))] == ["early"]
