from oomreport.kernel.framing.lost_newline import end_of_summary

SUMMARY = "oom-kill:constraint=CONSTRAINT_NONE,global_oom,task_memcg=/%s,task=x,pid=42,uid=1001"


def test_the_next_record_begins_behind_the_uid() -> None:
    summary = SUMMARY % "a"
    assert end_of_summary(f"{summary}[   10.000002] Out of memory: Kill process 42 (x) score 4") == len(summary)
    assert end_of_summary(summary) is None


def test_a_stamp_in_a_name_begins_no_record() -> None:
    hostile = "x,task=y,pid=1,uid=0[   10.000002] Out of memory: Killed process 7 (y)"
    assert end_of_summary(SUMMARY % hostile) is None
