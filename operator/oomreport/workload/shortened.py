"""The pod or the runtime that a shortened path still names.

People shorten the paths of a log before they publish it:

    oom-kill:constraint=CONSTRAINT_MEMCG, ... pod1fd97494_a000_4527_8d9e_08d03b1994e9.slice, task=python,pid=3864781
    Tasks in /.../cri-containerd-.scope are going to be killed due to memory.oom.group set

No path of the kernel looks so. A reader of a live log never asks here: what is no path proves nothing there.
"""

import re

from oomreport.workload.container import Subject

# systemd's form of a UID: in a log that is shortened anything else may be a word like "pod<uid>" of a program.
_POD = re.compile(
    r"(?<![\w-])(?:kubepods-(?:(?:burstable|besteffort)-)?)?"
    r"pod([0-9a-f]{8}(?:_[0-9a-f]{4}){3}_[0-9a-f]{12})\.slice(?![\w-])"
)
# An ID of fewer digits than 64, down to none; dots stand for the rest of it.
_SCOPE = re.compile(r"(?<![\w-])(cri-containerd|crio|docker)-[0-9a-f]{0,63}(?:\.{2,3}|\u2026)?\.scope(?![\w-])")
_RUNTIMES = {"cri-containerd": "containerd", "crio": "cri-o", "docker": "docker"}


def shortened_subject(log: str) -> Subject | None:
    """Return the pod and the runtime that a log names outside of whole paths; None where it names several or none."""
    pods, scopes = set(_POD.findall(log)), set(_SCOPE.findall(log))
    if len(pods) > 1 or len(scopes) > 1 or not (pods or scopes):
        return None
    return Subject(
        pod_uid=pods.pop().replace("_", "-") if pods else None,
        runtime=_RUNTIMES[scopes.pop()] if scopes else None,
    )
