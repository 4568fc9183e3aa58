import gzip
import json
import lzma
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
import zstandard

from oomreport.cli.main import main
from records.records import FOLDERS


def log_named(name: str) -> Path:
    (folder,) = (folder for folder in FOLDERS if folder.name.startswith(name))
    return next(path for path in folder.iterdir() if path.name.startswith("log"))


SEED = log_named("public-001-")


def items_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert main(["explain", "-o", "json", *arguments]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["apiVersion"], printed["kind"]) == ("oomreport.dev/v1alpha1", "OOMRecordList")
    return [item["spec"] for item in printed["items"]]


def test_the_answer_for_people_names_victim_limit_and_candidates(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(SEED)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert '"java" (pid 2912624) was killed: the memory limit of the pod\'s only container was reached' in told
    assert '"curl" (pid 411976) asked for memory.' in told
    assert "highest score of 15 candidates, 1958" in told
    assert "\x1b" not in told


def test_colour_is_there_when_it_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--colour", "always", str(SEED)]) == 0
    assert "\x1b[1m" in capsys.readouterr().out


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, zstandard.ZstdCompressor().compress])
def test_a_compressed_log_says_the_same(compress, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = tmp_path / "log"
    packed.write_bytes(compress(SEED.read_bytes()))
    assert items_of(capsys, str(packed)) == items_of(capsys, str(SEED))


def test_several_files_are_explained_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    other = log_named("public-003-")
    both = items_of(capsys, str(other), str(SEED))
    assert both == items_of(capsys, str(other)) + items_of(capsys, str(SEED))


def test_standard_input_is_a_dash() -> None:
    run = [sys.executable, "-m", "oomreport.cli.main", "explain", "-o", "json", "-"]
    done = subprocess.run(run, input=SEED.read_bytes(), capture_output=True, check=True)
    assert json.loads(done.stdout)["items"][0]["spec"]["victims"][0]["pid"] == 2912624


def test_a_log_without_an_oom_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "quiet").write_text("nothing happened\n")
    assert items_of(capsys, str(tmp_path / "quiet")) == []


def test_a_missing_file_is_named_and_the_others_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "-o", "json", "/nowhere/log", str(SEED)]) == 2
    printed = capsys.readouterr()
    assert printed.err == "oomreport: /nowhere/log: No such file or directory\n"
    assert len(json.loads(printed.out)["items"]) == 1


def test_a_cut_archive_still_gives_what_it_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = b"".join(gzip.compress(SEED.read_bytes()) for _ in range(2))
    (tmp_path / "cut.gz").write_bytes(data[:-40])
    assert main(["explain", "-o", "json", str(tmp_path / "cut.gz")]) == 2
    printed = capsys.readouterr()
    assert "damaged or cut" in printed.err
    assert json.loads(printed.out)["items"]


def test_yaml_says_what_json_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "-o", "yaml", str(SEED)]) == 0
    as_yaml = yaml.safe_load(capsys.readouterr().out)
    assert [item["spec"] for item in as_yaml["items"]] == items_of(capsys, str(SEED))


def test_the_page_stands_alone_and_escapes_hostile_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    log.write_text("[1.000000] Out of memory: Killed process 5 (<b>&x) total-vm:4kB, anon-rss:4kB\n")
    assert main(["explain", "--html", str(tmp_path / "page.html"), str(log), str(SEED)]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "&lt;b&gt;&amp;x" in page
    assert "<b>" not in page
    assert not re.search(r"(?:src|href)=|https?:|<script", page)


def test_a_container_at_its_limit_gets_findings_and_a_recommendation(capsys: pytest.CaptureFixture[str]) -> None:
    log = log_named("kernel-6.1.0-56-cloud-amd64-cgv1-05c-tmpfs-mount")
    assert main(["explain", "-o", "json", str(log)]) == 0
    first, second = json.loads(capsys.readouterr().out)["items"]
    assert [finding["rule"] for finding in first["findings"]] == ["ContainerLimitHit", "TmpfsFilled"]
    assert first["recommendation"]["action"] == "LimitTmpfs"
    assert first["recommendation"]["previousLimit"] == "48Mi"
    assert set(second) == {"source", "spec", "findings", "recommendation"}
    assert main(["explain", str(log)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Warning: 47Mi of 48Mi (99 %) was tmpfs" in told
    assert "Bound what is written to memory-backed volumes" in told


def test_without_advice_there_is_the_record_alone(capsys: pytest.CaptureFixture[str]) -> None:
    log = log_named("kernel-6.1.0-56-cloud-amd64-cgv1-05c-tmpfs-mount")
    assert main(["explain", "-o", "json", "--no-advice", str(log)]) == 0
    assert [set(item) for item in json.loads(capsys.readouterr().out)["items"]] == [{"source", "spec"}] * 2
    assert main(["explain", "--no-advice", str(log)]) == 0
    assert "What to change" not in capsys.readouterr().out


def test_kills_of_one_container_count_as_its_history(capsys: pytest.CaptureFixture[str]) -> None:
    log = log_named("kernel-6.1.0-56-cloud-amd64-cgv2-09b-back-to-back-same-container")
    assert main(["explain", "-o", "json", str(log)]) == 0
    items = json.loads(capsys.readouterr().out)["items"]
    same = [item for item in items if item["spec"]["subject"] == items[0]["spec"]["subject"]]
    assert len(same) > 1
    assert {"name": "kills", "value": "1", "source": "report"} in same[0]["recommendation"]["inputs"]
    assert {"name": "kills", "value": str(len(same)), "source": "report"} in same[-1]["recommendation"]["inputs"]


@pytest.mark.parametrize("name", ["kernel-6.1.0-56-cloud-amd64-cgv1-31-non-k8s-system-slice", "public-108-"])
def test_a_limit_that_is_not_of_kubernetes_gets_no_recommendation(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "-o", "json", str(log_named(name))]) == 0
    items = json.loads(capsys.readouterr().out)["items"]
    assert items
    assert all("recommendation" not in item for item in items)


def test_a_kill_that_somebody_asked_for_is_told_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    log = log_named("kernel-6.1.0-56-cloud-amd64-cgv1-11c-global-sysrq")
    assert main(["explain", str(log)]) == 0
    told = capsys.readouterr().out
    assert "somebody asked the kernel for it (SysRq f)" in told
    assert "What to change" not in told


def test_the_largest_process_is_named_where_another_was_killed(capsys: pytest.CaptureFixture[str]) -> None:
    log = log_named("kernel-6.1.0-56-cloud-amd64-cgv1-11b-global-hog-outside")
    assert main(["explain", str(log)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert 'Most was held by "rogue-daemon" (pid 655), 506 MiB' in told


def test_pods_give_names_and_limits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pod = {
        "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "c2fe3aa8-c570-4a1f-b7f5-e6a1595915db"},
        "spec": {"nodeName": "n1", "containers": [{"name": "api", "resources": {"limits": {"memory": "2Gi"}}}]},
        "status": {
            "containerStatuses": [
                {
                    "name": "api",
                    "containerID": "docker://a93acb858d5b42c32e532b3c4a59bb04099f18e9b93d58945665c4224d899c2e",
                }
            ]
        },
    }
    (tmp_path / "pods.json").write_text(json.dumps({"kind": "List", "items": [pod]}))
    (spec,) = items_of(capsys, "--pods", str(tmp_path / "pods.json"), str(SEED))
    assert spec["subject"]["pod"] == "web-1"  # type: ignore[index]
    assert main(["explain", "--pods", str(tmp_path / "pods.json"), str(SEED)]) == 0
    assert "container api of pod shop/web-1 on node n1" in " ".join(capsys.readouterr().out.split())


def test_who_gave_pods_is_not_told_to_give_some(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = [
        {"kind": "Pod", "metadata": {"name": "other", "namespace": "shop", "uid": "1"}, "spec": {"containers": []}}
    ]
    (tmp_path / "pods.json").write_text(json.dumps({"kind": "List", "items": others}))
    for given, is_told in ([], True), (["--pods", str(tmp_path / "pods.json")], False):
        page = tmp_path / "page.html"
        assert main(["explain", *given, "--html", str(page), str(SEED)]) == 0
        hint = "With --pods FILE or --context"
        assert (hint in capsys.readouterr().out, hint in page.read_text()) == (is_told, is_told)


def test_a_file_of_pods_that_holds_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pods").write_text("hello")
    assert main(["explain", "--pods", str(tmp_path / "pods"), str(SEED)]) == 2
    assert "holds no pods" in capsys.readouterr().err


def test_what_was_lost_is_not_told_where_lines_were_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = log_named("kernel-6.1.0-56-cloud-amd64-cgv1-05c-tmpfs-mount").read_bytes()
    (tmp_path / "read").write_bytes(dump)
    (tmp_path / "searched").write_bytes(b"".join(b"6,%d,1,-;eth0: link\n" % n for n in range(9_000)) + dump)
    read, searched = items_of(capsys, str(tmp_path / "read")), items_of(capsys, str(tmp_path / "searched"))
    assert "lostBefore" not in searched[0]
    assert [one.pop("lostBefore") for one in read] == [0] * len(read)
    assert [one | {"lostBefore": 0} for one in searched] == [one | {"lostBefore": 0} for one in read]


def test_explaining_imports_nothing_heavy() -> None:
    code = (
        "import sys; from oomreport.cli.main import main; main(['explain', '-o', 'json', sys.argv[1]]); "
        "print([m for m in ('kopf', 'pydantic', 'kubernetes', 'aiohttp', 'yaml') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(SEED)], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_a_log_that_powershell_wrote_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_bytes(SEED.read_text().encode("utf-16"))
    assert items_of(capsys, str(tmp_path / "log")) == items_of(capsys, str(SEED))


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, zstandard.ZstdCompressor().compress])
def test_an_archive_without_its_end_is_named(compress, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = compress(SEED.read_bytes())
    (tmp_path / "cut").write_bytes(packed[: len(packed) // 2])
    assert main(["explain", str(tmp_path / "cut")]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"oomreport: {tmp_path}/cut: damaged or cut: ")
    assert "No OOM kill" not in printed.out


def test_frames_of_zstd_follow_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later = log_named("kernel-6.1.0-56-cloud-amd64-cgv1-05c-tmpfs-mount")
    pack = zstandard.ZstdCompressor().compress
    (tmp_path / "log").write_bytes(pack(SEED.read_bytes()) + pack(later.read_bytes()))
    found = items_of(capsys, str(tmp_path / "log"))
    expected = items_of(capsys, str(SEED)) + items_of(capsys, str(later))
    assert [one | {"lostBefore": 0} for one in found] == [one | {"lostBefore": 0} for one in expected]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["{tmp}"], 2, "oomreport: {tmp}: Is a directory\n"),
        (
            ["--html", "{tmp}/no/page", "{log}"],
            2,
            "oomreport: {tmp}/no/page: cannot be written: No such file or directory\n",
        ),
        (["--pods", "{tmp}/pods", "{log}"], 2, "oomreport: {tmp}/pods: No such file or directory\n"),
        (["--pods", "{log}", "{log}"], 2, "oomreport: {log}: "),
        (["{tmp}/empty"], 0, ""),
        (["{tmp}/binary"], 0, ""),
    ],
)
def test_what_cannot_be_done_is_said_with_its_place(
    arguments: list[str], status: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(random.Random(1).randbytes(100_000))
    places = {"tmp": str(tmp_path), "log": str(SEED)}
    assert main(["explain", *(argument.format(**places) for argument in arguments)]) == status
    printed = capsys.readouterr()
    assert printed.err.startswith(said.format(**places))
    assert ("No OOM kill by the kernel found.\n" in printed.out) == (status == 0)


@pytest.mark.parametrize(
    "line",
    [
        'app msg="Memory cgroup out of memory: Killed process 5 (x) total-vm:1kB, anon-rss:1kB, file-rss:0kB"',
        "kern.warn|[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        "CPU 1: oom_kill_process+0x251/0x270",
    ],
)
def test_a_phrase_in_a_form_that_is_not_read_is_shown(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text(f"hello\n{line}\x1b[2J\n")
    assert main(["explain", "--html", str(tmp_path / "page"), str(tmp_path / "log")]) == 0
    printed = capsys.readouterr().out
    assert f"{tmp_path}/log" in printed
    assert f"{line}\\x1b[2J\nThese forms are read: " in printed
    assert "No OOM kill by the kernel" not in printed + (tmp_path / "page").read_text()
    assert "These forms are read: " in (tmp_path / "page").read_text()
    assert main(["explain", "-o", "json", str(tmp_path / "log")]) == 0
    printed_both = capsys.readouterr()
    assert json.loads(printed_both.out)["items"] == []
    assert line in printed_both.err


def test_nothing_is_said_of_phrases_where_an_oom_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(SEED)]) == 0
    assert "These forms are read" not in capsys.readouterr().out
