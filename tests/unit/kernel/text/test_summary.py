import pytest

from oomreport.kernel.text.summary import Summary, TaskIn, cpuset_of, is_edited, summary_line_of, task_in


def summary_of(text: str) -> Summary | None:
    line = summary_line_of(text)
    return None if line is None else line.summary()


def test_a_summary_gives_whose_limit_and_whom() -> None:
    line = (
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=c1,mems_allowed=0-3,5,oom_memcg=/kubepods/pod1,"
        "task_memcg=/kubepods/pod1/c1,task=java,pid=77,uid=5"
    )
    assert summary_of(line) == Summary(
        constraint="CONSTRAINT_MEMCG", cpuset="c1", mems_allowed="0-3,5", oom_memcg="/kubepods/pod1",
        task_memcg="/kubepods/pod1/c1", comm="java", pid=77, uid=5,
    )  # fmt: skip


def test_a_global_oom_names_no_limited_cgroup() -> None:
    said = summary_of(
        "oom-kill:constraint=CONSTRAINT_MEMORY_POLICY,nodemask=1,cpuset=/,mems_allowed=0-1,global_oom,"
        "task_memcg=/user.slice,task=a,pid=1,uid=0"
    )
    assert said is not None
    assert (said.global_oom, said.oom_memcg, said.task_memcg, said.nodemask) == (True, None, "/user.slice", "1")


def test_a_cgroup_that_imitates_the_fields_stays_a_path() -> None:
    hostile = "/kubepods/pod1/c1/x,task=innocent,pid=1,uid=0"
    said = summary_of(
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/kubepods/pod1/c1,"
        f"task_memcg={hostile},task=nested-app,pid=3473,uid=0"
    )
    assert said is not None
    assert (said.task_memcg, said.comm, said.pid) == (hostile, "nested-app", 3473)


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (",oom_memcg=/a/b,", ("CONSTRAINT_MEMCG", "/", "0", "/a/b", None)),
        (",oom_memcg=/a/b", ("CONSTRAINT_MEMCG", "/", "0", None, None)),  # of /a/big, perhaps
        (",oom_memcg=/a/b,task_mem", ("CONSTRAINT_MEMCG", "/", "0", "/a/b", None)),
        (",oom_memcg=/a/b,task_memcg=/a/b/x.scope", ("CONSTRAINT_MEMCG", "/", "0", "/a/b", "/a/b/x.scope")),
        (",oom_memcg=/a/b,task_memcg=/a/b/x,task=ja", ("CONSTRAINT_MEMCG", "/", "0", "/a/b", "/a/b/x")),
    ],
)
def test_a_summary_that_was_cut_says_what_it_still_says(rest: str, expected: tuple[str | None, ...]) -> None:
    said = summary_of(f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0{rest}")
    assert said is not None
    assert (said.constraint, said.cpuset, said.mems_allowed, said.oom_memcg, said.task_memcg) == expected
    assert (said.comm, said.pid) == (None, None)


def test_half_a_constraint_is_none() -> None:
    said = summary_of("oom-kill:constraint=CONSTRAINT_MEM")
    assert said is not None
    assert said.constraint is None


def test_what_stands_elsewhere_in_the_dump_settles_what_the_line_leaves_open() -> None:
    line = summary_line_of(
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/b,"
        "task_memcg=/a/c,task=x,task=y,pid=7,uid=0"
    )
    assert line is not None
    assert line.pid == 7
    assert (line.summary().comm, line.summary().task_memcg) == ("y", "/b,task_memcg=/a/c,task=x")
    told = line.summary(comms=frozenset({"x,task=y"}), limited="/a,task_memcg=/b")
    assert (told.comm, told.oom_memcg, told.task_memcg) == ("x,task=y", "/a,task_memcg=/b", "/a/c")


def test_older_kernels_say_it_in_words() -> None:
    assert task_in("Task in /a/b killed as a result of limit of /a") == TaskIn("/a/b", "/a")
    assert task_in("Task in /a/b killed as a result of limit of ") == TaskIn("/a/b", None)
    assert task_in("Task in /a/bc killed as a result of limit of /a/b") == TaskIn("/a/bc", None)
    assert task_in("Tasks in /a") is None


def test_a_line_of_its_own_names_the_cpuset_before_4_19() -> None:
    found = cpuset_of("java cpuset=a b mems_allowed=0-1")
    assert found is not None
    assert (found.name, found.mems_allowed) == ("a b", "0-1")
    assert cpuset_of("java cpuset=/") is None


@pytest.mark.parametrize("name", ["app", "a,b"])
def test_linux_5_0_prints_no_constraint_for_a_cgroup_s_limit(name: str) -> None:
    said = summary_of(
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/kubepods/pod1/c,"
        f"task_memcg=/kubepods/pod1/c,task={name},pid=777,uid=0"
    )
    assert said is not None
    assert (said.constraint, said.oom_memcg, said.global_oom) == ("CONSTRAINT_MEMCG", "/kubepods/pod1/c", False)


def test_no_constraint_stays_none_where_the_machine_ran_out() -> None:
    said = summary_of(
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/a,task=x,pid=7,uid=0"
    )
    assert said is not None
    assert (said.constraint, said.global_oom) == ("CONSTRAINT_NONE", True)


def test_a_summary_that_a_person_shortened_is_not_cut() -> None:
    line = "oom-kill:constraint=CONSTRAINT_MEMCG, oom_memcg=/slurm/job_2,         task=python, pid=567"
    assert is_edited(line)
    found = summary_of(line)
    assert found is not None
    assert (found.oom_memcg, found.comm, found.pid) == ("/slurm/job_2", "python", 567)
    cut = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=x,pid=5"
    assert not is_edited(cut)
    assert (found_cut := summary_of(cut)) is not None
    assert found_cut.pid is None
