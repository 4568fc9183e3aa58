from pathlib import Path

from oomreport.agent.anonymous_clues import AnonymousKillClues
from oomreport.incident.witness.attribution import SubjectSource
from oomreport.kernel.record import Task, Victim
from oomreport.workload.container import Subject
from support.node import ID, OTHER_ID, OTHER_UID, UID, Desk, anonymous, dump

HOG = Task(pid=7, tgid=7, comm="hog", oom_score_adj=939)


def learned(desk: Desk) -> AnonymousKillClues:
    """Return clues that have seen a table with the hog in the container."""
    path = desk.node.container(UID, ID)
    desk.look()
    clues = AnonymousKillClues(desk.containers)
    clues.learn(dump(path, 8, tasks=(HOG,)), desk.now)
    return clues


def test_a_process_of_an_earlier_table_is_known_by_its_id_and_its_comm(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    found = learned(desk).anonymous(anonymous(7), None, desk.now + 60)
    assert (found.key, found.pod_uid, found.source) == (ID, UID, SubjectSource.TASK_TABLE)


def test_a_process_id_that_has_another_comm_now_is_another_process(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    clues = learned(desk)
    renamed = Victim(pid=7, comm="other", oom_score_adj=939)
    assert clues.anonymous(anonymous(7, victims=(renamed,)), None, desk.now).key is None


def test_a_row_is_forgotten_after_a_quarter_of_an_hour(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    clues = learned(desk)
    assert clues.anonymous(anonymous(7), None, desk.now + 899).key == ID
    assert clues.anonymous(anonymous(7), None, desk.now + 901).key is None


def test_the_process_itself_says_more_than_a_table(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    seen = Subject(pod_uid=OTHER_UID, container_id=OTHER_ID)
    found = learned(desk).anonymous(anonymous(7), seen, desk.now)
    assert (found.key, found.source) == (OTHER_ID, SubjectSource.PROCESS)


def test_a_table_of_the_whole_node_tells_no_container(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.node.container(UID, ID)
    desk.look()
    clues = AnonymousKillClues(desk.containers)
    clues.learn(dump("/", 8, tasks=(HOG,), global_oom=True), desk.now)
    assert clues.anonymous(anonymous(7), None, desk.now).key is None


def test_a_container_whose_counter_moved_is_a_suspect_and_a_quiet_one_is_not(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.node.container(UID, ID)
    desk.node.container(OTHER_UID, OTHER_ID)
    desk.look()
    desk.node.container(UID, ID, kills=2)
    desk.look(1)
    suspects = AnonymousKillClues(desk.containers).suspects(desk.now)
    assert [(one.key, one.unexplained, one.vanished) for one in suspects] == [(ID, 2, False)]


def test_a_quiet_container_that_is_asked_for_is_listed_without_a_kill(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.node.container(UID, ID)
    desk.look()
    suspects = AnonymousKillClues(desk.containers).suspects(desk.now, {ID})
    assert [(one.key, one.unexplained) for one in suspects] == [(ID, 0)]


def test_a_container_that_vanished_is_a_suspect_for_a_few_seconds(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID)
    desk.look()
    desk.node.vanish(path)
    desk.look(1)
    clues = AnonymousKillClues(desk.containers)
    assert [(one.key, one.vanished) for one in clues.suspects(desk.now)] == [(ID, True)]
    assert clues.suspects(desk.now + 8) == []


def test_kills_that_only_the_pods_counter_shows_go_to_its_one_vanished_container(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.node.container(UID, ID)
    desk.node.container(UID, OTHER_ID)
    desk.look()
    desk.node.vanish(path)
    desk.node.pod_kills(UID, 1)
    desk.look(1)
    (suspect,) = AnonymousKillClues(desk.containers).suspects(desk.now)
    assert (suspect.key, suspect.unexplained, suspect.vanished) == (ID, 1, True)
