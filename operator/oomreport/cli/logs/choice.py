"""The kernel's choice in words: who was chosen, why, and who died.

What holds for all candidates is said of a whole table only.
"""

from collections.abc import Iterator

from oomreport.cli.logs.shortage import shortage_of
from oomreport.cli.logs.words import process, shown, size_text
from oomreport.kernel.record import ChosenProcess, Invocation, Part, ScoreSource, Task, Victim

# A task of this score is never chosen (OOM_SCORE_ADJ_MIN, include/uapi/linux/oom.h).
_NEVER = -1000
# What held less than a tenth of the memory did not fill it: the rest is elsewhere.
_LITTLE = 0.1
# What kernels before 4.17 took off the score of a task with CAP_SYS_ADMIN, at most (oom_badness() in mm/oom_kill.c).
_ROOT_BONUS = 30
# Its scores have a scale of their own.
_OF_OPENVZ = "Out of memory in UB"


def choice(invocation: Invocation) -> Iterator[str]:
    """Yield who was chosen and why, as far as the log tells."""
    if not invocation.victims:
        yield from _without_victim(invocation)
        return
    yield _kill(invocation)
    if invocation.tasks and not invocation.table_whole:
        count = len(invocation.tasks)
        yield (
            f"The table of candidates is cut: the log shows {count} of them."
            if count > 1
            else ("The table of candidates is cut: the log shows one of them.")
        )
    yield from _little(invocation)
    if invocation.group_kill:
        count = len(invocation.victims)
        names = "the log names one process of it" if count == 1 else f"{count} processes by this log"
        yield f"memory.oom.group is set: the kernel kills the whole cgroup at once, {names}."


def _without_victim(invocation: Invocation) -> Iterator[str]:
    if invocation.panicked:
        yield f"Instead of killing a process the kernel stopped{_panic_reason(invocation.log)}."
    elif invocation.no_victim:
        yield "The kernel found no process that it could kill."
    elif invocation.chosen is not None:
        yield f"The kernel chose {_chosen(invocation.chosen)}. Which process died the log does not say."
    if invocation.no_victim and invocation.table_whole:
        killable = next((task for task in invocation.tasks if task.oom_score_adj not in (None, _NEVER)), None)
        if killable is not None:
            yield (
                f"The oom_score_adj of {_task(killable)} allows a kill:"
                " the process was exiting, or its memory had been taken already."
            )
        elif all(task.oom_score_adj == _NEVER for task in invocation.tasks):
            yield "All processes in the table are protected by oom_score_adj -1000."


def _panic_reason(log: str) -> str:
    """Return why the kernel stopped, by the words of out_of_memory() and check_panic_on_oom() in mm/oom_kill.c."""
    line = log.partition("Kernel panic - not syncing: ")[2].split("\n", 1)[0]
    if "panic_on_oom" in line:
        return ": vm.panic_on_oom is 2" if "compulsory" in line else ": vm.panic_on_oom is set"
    if "no killable processes" in line or "deadlocked on memory" in line:
        return ": there was nothing left to kill"
    return ""


def _kill(invocation: Invocation) -> str:
    victim = invocation.victims[0]
    count = len(invocation.tasks)
    rank = next((place for place, task in enumerate(invocation.tasks, 1) if task.pid == victim.pid), None)
    holds = f", holding {size_text(victim.resident_bytes)}" if victim.resident_bytes else ""
    whole = invocation.table_whole
    if invocation.chosen is not None:
        # A chosen thread has no row of its own: then the row of its process tells.
        has_row = any(task.pid == invocation.chosen.pid for task in invocation.tasks)
        pid = invocation.chosen.pid if has_row else victim.pid
        is_first = whole and invocation.tasks[0].pid == pid and invocation.tasks[0].oom_score is not None
        return (
            f"The kernel chose {_chosen(invocation.chosen, of=count if is_first else None)}."
            f" {_relation(invocation.chosen, invocation.tasks)} {process(victim)} was killed{holds}."
        )
    if rank == 1 and count > 1 and victim.oom_score is not None:
        second = invocation.tasks[1]
        than = f"; next was {shown(second.comm)} with {second.oom_score}" if second.oom_score is not None else ""
        among = f"{count} candidates" if whole else f"the {count} candidates shown"
        return f"{process(victim)} was chosen{holds}: the highest score of {among}, {_score(victim)}{than}."
    if rank == 1 and count == 1 and whole:
        return f"{process(victim)} was chosen{holds}: there was no other candidate."
    if rank is not None and rank > 1 and victim.oom_score is not None:
        return (
            f"{process(victim)} was killed{holds}, though it ranked {rank} of {count}: the kernel kills the "
            "allocating process where vm.oom_kill_allocating_task is set, or a child of the chosen one before 5.1."
        )
    return f"{process(victim)} was killed{holds}" + (
        f", with a score of {_score(victim)}." if victim.oom_score else "."
    )


def _relation(chosen: ChosenProcess, tasks: tuple[Task, ...]) -> str:
    """Return what the process that died is to the chosen task: kernels before 5.1 kill a child of a chosen process."""
    row = next((task for task in tasks if task.pid == chosen.pid), None)
    return "Its child" if row is not None and row.tgid == row.pid else "Its child, or the process of this thread,"


def _little(invocation: Invocation) -> Iterator[str]:
    """Yield that the victim held little of the memory, where it did."""
    memory = invocation.memory
    used = invocation.total_bytes if invocation.global_oom else memory.usage_bytes if memory else None
    if _is_small_by_score(invocation):
        yield "Its score says that it held less than a tenth of the memory: most of the memory is elsewhere."
        return
    sizes = [victim.resident_bytes for victim in invocation.victims]
    held = sum(size or 0 for size in sizes)
    # Where pages in a row or one zone ran short, nothing need have filled the memory.
    if shortage_of(invocation) is not None:
        return
    if not used or None in sizes or held >= _LITTLE * used or Part.KILL_LINE in invocation.missing:
        return
    share = f"{100 * held / used:.1f}" if 1000 * held >= used else "less than 0.1"
    yield f"What was killed held {share} % of the {size_text(used)}: most of the memory is elsewhere."


def _is_small_by_score(invocation: Invocation) -> bool:
    """Whether nothing but the printed score, a thousandth of the memory for each point, tells the victim's size."""
    memory = invocation.memory
    victim = invocation.victims[0]
    if invocation.total_bytes or (memory is not None and memory.usage_bytes) or _OF_OPENVZ in invocation.log:
        return False
    if victim.oom_score_source is not ScoreSource.PRINTED or victim.oom_score_adj != 0 or victim.oom_score is None:
        return False
    return victim.oom_score + _ROOT_BONUS < 1000 * _LITTLE


def score_text(task: Task, invocation: Invocation) -> str:
    """Return the score of a row: the printed one of the chosen task or of the victim where no score can be computed."""
    chosen = invocation.chosen
    printed = {victim.pid: victim.oom_score for victim in invocation.victims}
    printed |= {chosen.pid: chosen.oom_score} if chosen is not None else {}
    score = task.oom_score if task.oom_score is not None else printed.get(task.pid)
    return "-" if score is None else str(score)


def _chosen(chosen: ChosenProcess, *, of: int | None = None) -> str:
    """Return the chosen task as a text with its printed score, and of how many candidates (`of`) it is the highest."""
    name = f" {shown(chosen.comm)}" if chosen.comm else ""
    highest = "a score of " if of is None else f"the highest score of {of} candidates, "
    score = f", with {highest}{chosen.oom_score}" if chosen.oom_score is not None else ""
    return f"process {chosen.pid}{name}{score}"


def _score(victim: Victim) -> str:
    adj = f", of which oom_score_adj gives {victim.oom_score_adj}" if victim.oom_score_adj else ""
    computed = (
        " (computed; kernels since 5.1 do not print it)" if victim.oom_score_source is ScoreSource.COMPUTED else ""
    )
    return f"{victim.oom_score}{computed}{adj}"


def _task(task: Task) -> str:
    return f"{shown(task.comm)} (pid {task.pid})"
