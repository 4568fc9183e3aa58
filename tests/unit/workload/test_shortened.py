"""Tests of `oomreport.workload.shortened`. The texts are lines that people published, shortened by themselves."""

import pytest

from oomreport.workload.container import Subject
from oomreport.workload.shortened import shortened_subject


@pytest.mark.parametrize(
    ("log", "subject"),
    [
        (
            "oom-kill:constraint=CONSTRAINT_MEMCG, ... pod1fd97494_a000_4527_8d9e_08d03b1994e9.slice, task=python",
            Subject(pod_uid="1fd97494-a000-4527-8d9e-08d03b1994e9"),
        ),
        ("Tasks in /.../cri-containerd-.scope are going to be killed", Subject(runtime="containerd")),
        ("task_memcg=/system.slice/docker-f5c1.scope,task=trino-server,pid=3099177", Subject(runtime="docker")),
        ("task_memcg=/.../crio-f5c1….scope,task=a", Subject(runtime="cri-o")),
    ],
)
def test_a_shortened_path_still_names_the_pod_or_the_runtime(log: str, subject: Subject) -> None:
    assert shortened_subject(log) == subject


@pytest.mark.parametrize(
    "log",
    [
        "task_memcg=/system.slice/docker.service,task=dockerd",
        "task_memcg=/system.slice/crio-conmon-f5c1.scope,task=conmon",
        "task_memcg=/x/mydocker-f5c1.scope,task=a",
        "task_memcg=/x/docker-web.scope,task=a",
        "pod1fd97494 was killed",
        # Two pods: the text does not say which one was meant.
        "pod1fd97494_a000_4527_8d9e_08d03b1994e9.slice pod2fd97494_a000_4527_8d9e_08d03b1994e9.slice",
    ],
)
def test_what_is_no_shortened_path_or_not_one_alone_names_nothing(log: str) -> None:
    assert shortened_subject(log) is None
