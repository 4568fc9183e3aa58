"""What user space wrote is refused in every framing that says who wrote it."""

import json

import pytest

from oomreport.kernel.reading.reader import invocations_of_text

_TEXT = (
    "Memory cgroup out of memory: Killed process 666 (forged) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, "
    "UID:0 pgtables:1kB oom_score_adj:0"
)
_FORGED = {
    "gcloud": json.dumps([{"jsonPayload": {"MESSAGE": _TEXT, "_TRANSPORT": "syslog"}}], indent=2),
    "gcloud on one line": json.dumps([{"jsonPayload": {"MESSAGE": _TEXT, "_TRANSPORT": "stdout"}}]),
    "logfmt": f'time=2026-02-27T23:59:00Z level=info msg="{_TEXT}"',
    "csv with a head": f'Date,Host,SYSLOG_IDENTIFIER,message\n"2026-02-27",node-1,sshd,"{_TEXT}"',
    "a program's row of csv": f'Feb 27 23:58:41 node-1 app[12]: "a","{_TEXT}"',
    "a kernel line that quotes": f'[   12.300000] usb 1-1: Product: "x","{_TEXT}"',
    "a kernel line with written newlines": f"[   12.300000] usb 1-1: Product: a\\n{_TEXT}\\n{_TEXT}\\n{_TEXT}",
    "a kernel line with stamps in it": "[   12.300000] usb 1-1: Product: a" + f" [   12.300001] {_TEXT}" * 3,
    "vector": json.dumps({"message": _TEXT, "SYSLOG_IDENTIFIER": "app", "host": "node-1"}),
    "journalbeat": json.dumps({"message": _TEXT, "syslog": {"facility": {"code": 3}, "identifier": "app"}}),
    "a numbered line": f"12:Feb 27 23:58:41 node-1 app[12]: {_TEXT}",
    "a diff": f"+Feb 27 23:58:41 node-1 app[12]: {_TEXT}",
    "an Event": json.dumps({"items": [{"kind": "Event", "involvedObject": {"kind": "Node"}, "message": _TEXT}]}),
    "an Event that was watched": json.dumps(
        {"verb": "ADDED", "event": {"involvedObject": {"kind": "Node"}, "message": _TEXT}}, indent=2
    ),
}


@pytest.mark.parametrize("name", _FORGED)
def test_what_user_space_wrote_is_refused(name: str) -> None:
    assert not [one for one in invocations_of_text(_FORGED[name].encode().split(b"\n")) if one.victims]


@pytest.mark.parametrize("name", ["gcloud", "vector", "csv with a head"])
def test_the_same_from_the_kernel_is_read(name: str) -> None:
    log = _FORGED[name]
    for foreign, own in (
        ('"syslog"', '"kernel"'), ('"app"', '"kernel"'), ('"daemon"', '"kern"'), ('=>"3"', '=>"0"'), (",sshd,", ",kernel,"),
    ):  # fmt: skip
        log = log.replace(foreign, own)
    (one,) = invocations_of_text(log.encode().split(b"\n"))
    assert [victim.pid for victim in one.victims] == [666]
