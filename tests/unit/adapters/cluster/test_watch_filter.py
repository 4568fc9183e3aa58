import asyncio
import json
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from kopf._cogs.clients.api import iter_jsonlines

from oomreport.adapters.cluster.api_access import ApiAccess
from oomreport.adapters.cluster.api_server import session
from oomreport.adapters.cluster.watch_filter import EventFilter, FilteredWatch
from oomreport.controller.known.pods import PodCache
from oomreport.controller.known.records import RecordCache
from oomreport.incident.witness.evidence import record_facts, used_record
from oomreport.workload.owner import Workload
from support.evidence import after, cid, record_object

WEB = Workload(api_version="apps/v1", kind="Deployment", name="web")
ENDED = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "containerID": "containerd://" + "d" * 64}}
STATES = st.sampled_from(
    [
        {"running": {"startedAt": "2026-11-20T20:21:07Z"}},
        ENDED,
        {"terminated": {"exitCode": 137, "reason": "Error"}},
        {"terminated": {"exitCode": 0}},
        {"waiting": {"reason": "CrashLoopBackOff"}},
        {},
    ]
)
STATUSES = st.fixed_dictionaries(
    {"name": st.just("api"), "state": STATES, "lastState": STATES},
    optional={
        "containerID": st.sampled_from([f"containerd://{one * 64}" for one in "abcd"]),
        "restartCount": st.integers(),
    },
)
OWNERS = st.sampled_from(
    [
        None,
        [],
        [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9c", "uid": "r", "controller": True}],
        [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9c", "uid": "r"}],
        [
            {
                "apiVersion": "v1",
                "kind": "Node",
                "name": "n",
                "uid": "n",
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    ]
)
PODS = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {
                "uid": st.sampled_from("uvwxyz"),
                "name": st.sampled_from(["web-7d9c-x2x4z", "other"]),
                "namespace": st.sampled_from(["shop", "elsewhere"]),
                "ownerReferences": OWNERS,
                "labels": st.sampled_from([None, {}, {"app": "web\n\u2028"}]),
                "managedFields": st.just([{"manager": "kubelet", "fieldsV1": {"f:status": {}}}]),
            }
        )
    },
    optional={
        "spec": st.fixed_dictionaries({"nodeName": st.text(max_size=5)}),
        "status": st.fixed_dictionaries(
            {},
            optional={
                "containerStatuses": st.one_of(st.none(), st.lists(STATUSES, max_size=2)),
                "initContainerStatuses": st.lists(STATUSES, max_size=1),
                "ephemeralContainerStatuses": st.lists(STATUSES, max_size=1),
            },
        ),
    },
)
TYPES = st.sampled_from(["ADDED", "MODIFIED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "NEW"])
EVENTS = st.fixed_dictionaries({"type": TYPES, "object": PODS})


def watching_pods() -> PodCache:
    """Return pods of which a workload is followed and an instance is watched."""
    pods = PodCache()
    pods.follow("shop", WEB, "api")
    pods.watch("a" * 64)
    return pods


class Chunks:
    """A stream that arrives in chunks of our choice."""

    def __init__(self, data: bytes, cuts: list[int]) -> None:
        edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        self.chunks = [data[a:b] for a, b in pairwise(edges)]

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk


def filtered(data: bytes, cuts: list[int], passes: Callable[[bytes], bool]) -> bytes:
    async def read() -> bytes:
        stream: Any = Chunks(data, cuts)
        return b"".join([chunk async for chunk in FilteredWatch(stream, passes).iter_chunked(1 << 20)])

    return asyncio.run(read())


@given(st.lists(EVENTS, max_size=8), st.lists(st.integers(min_value=0), max_size=6))
def test_what_goes_on_is_what_the_whole_event_would_have_decided_byte_for_byte(events: list[Any], cuts: list[int]):
    pods = watching_pods()
    lines = [json.dumps(event, ensure_ascii=False).encode() for event in events]
    expected = [
        line
        for line, event in zip(lines, events, strict=True)
        if event["type"] not in ("ADDED", "MODIFIED") or pods.wants(event["object"])
    ]
    found = filtered(b"".join(line + b"\n" for line in lines), cuts, EventFilter.of_pods(pods.wants).passes)
    assert found == b"".join(line + b"\n" for line in expected)


@given(st.lists(PODS, max_size=6))
def test_a_page_keeps_the_items_that_the_whole_item_would_have_decided(items: list[Any]):
    pods = watching_pods()
    page = {
        "kind": "PodList",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": "7", "continue": "c"},
        "items": items,
    }
    found = json.loads(EventFilter.of_pods(pods.wants).page(json.dumps(page).encode()))
    assert found == {**page, "items": [item for item in items if pods.wants(item)]}


@pytest.mark.parametrize(
    "line", [b"no JSON", b"[]", b'{"type": "ADDED"}', b'{"type": "ADDED", "object": {"metadata": 7}}', b'\xff{"type"']
)
def test_what_cannot_be_decoded_goes_on(line: bytes):
    assert EventFilter.of_pods(lambda _: False).passes(line)
    assert EventFilter.of_pods(lambda _: False).page(line) == line


def test_a_line_that_never_ends_is_refused_and_not_kept():
    with pytest.raises(aiohttp.ClientPayloadError, match="longer than"):
        filtered(b"x" * (17 * 1024 * 1024), [1 << 20], lambda _: True)


def test_a_pod_that_is_known_passes_once_more_when_it_matters_no_longer():
    known = {"u"}
    sieve = EventFilter.of_pods(lambda pod: pod["metadata"]["uid"] in known)
    line = json.dumps({"type": "MODIFIED", "object": {"metadata": {"uid": "u"}}}).encode()
    assert sieve.passes(line)
    known.clear()
    assert not sieve.passes(line)


def test_of_records_those_that_were_used_are_remembered_and_go_no_further():
    records = RecordCache()

    def is_open(record: dict[str, Any]) -> bool:
        used = used_record(record)
        return used is None or not (records.put(used, now=after(0)) or True)

    sieve = EventFilter.of_records(is_open)
    mark = {"usedTime": "2026-11-20T20:22:00Z", "outcome": "Counted"}
    known, early = record_object("known"), record_object("early", container=cid(2))
    facts = record_facts(known)
    assert facts
    records.put(facts, now=after(0))
    lines = [
        {"type": kind, "object": {**one, "metadata": {**one["metadata"], "resourceVersion": "7"}, "status": status}}
        for kind, one, status in (
            ("ADDED", known, {}),
            ("MODIFIED", known, {"reportRef": {"namespace": "shop", "name": "web"}}),
            ("MODIFIED", known, mark),
            ("ADDED", early, mark),
            ("DELETED", early, mark),
        )
    ]
    assert [sieve.passes(json.dumps(line).encode()) for line in lines] == [True, True, False, False, True]
    assert records.pending() == 0
    assert set(records.used) == {"known", "early"}
    assert records.has_own(cid(1))
    assert records.has_own(cid(2))


def test_kopf_reads_a_filtered_watch_and_a_filtered_page_from_a_real_server():
    wanted = {"metadata": {"uid": "u", "name": "a"}, "status": {"containerStatuses": [{"lastState": ENDED}]}}
    quiet = {"metadata": {"uid": "q", "name": "b"}, "spec": {"x": "y" * 200_000}}
    lists: list[bool] = []
    heard: list[str] = []

    async def pods(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [quiet, wanted]})
        response = web.StreamResponse()
        response.content_type = "application/json"
        await response.prepare(request)
        for kind, item in (("ADDED", quiet), ("ADDED", wanted), ("BOOKMARK", {"metadata": {}}), ("MODIFIED", quiet)):
            await response.write(json.dumps({"type": kind, "object": item}).encode() + b"\n")
        return response

    async def read() -> tuple[list[dict[str, Any]], dict[str, Any]]:
        app = web.Application()
        app.router.add_get("/api/v1/pods", pods)
        async with TestServer(app) as server:
            access = ApiAccess(server=str(server.make_url("")).rstrip("/"), tls=False, authorization=lambda: None)
            sieve = EventFilter.of_pods(PodCache().wants, lists.append)

            def begins(response: aiohttp.ClientResponse) -> None:
                sieve.attach(response, lambda: heard.append(response.url.query_string))

            async with session(access, agent="test", on_response=begins) as client:
                where = access.server + "/api/v1/pods"
                async with client.get(where, params={"watch": "true", "sendInitialEvents": "true"}) as response:
                    events = [json.loads(line) async for line in iter_jsonlines(response.content)]
                async with client.get(where, params={"limit": "500"}) as response:
                    return events, await response.json()

    events, page = asyncio.run(read())
    assert [(one["type"], one["object"].get("status")) for one in events] == [
        ("ADDED", wanted["status"]),
        ("BOOKMARK", None),
    ]
    assert page["items"] == [wanted]
    assert lists == [True, False, True]
    # Of the watch, be it a bookmark or what is dropped; a page is no watch.
    assert set(heard) == {"watch=true&sendInitialEvents=true"}


@pytest.mark.parametrize("levels", [300, 2000, 20_000])
@pytest.mark.parametrize("kind", ["ADDED", "DELETED"])
def test_what_is_nested_deeper_than_kopf_can_read_does_not_go_on(levels: int, kind: str):
    kept = EventFilter.of_pods(lambda _: True)
    deep = '{"metadata":{"name":"deep","managedFields":' + '{"f:a":' * levels + "{}" + "}" * levels + "}}"
    whole = '{"metadata":{"name":"whole"}}'
    assert not kept.passes(f'{{"type":"{kind}","object":{deep}}}'.encode())
    page = f'{{"kind":"PodList","apiVersion":"v1","metadata":{{}},"items":[{deep},{whole}]}}'
    assert json.loads(kept.page(page.encode()))["items"] == [json.loads(whole)]
