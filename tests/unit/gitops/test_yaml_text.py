from oomreport.gitops.yaml_text import read_yaml


def test_brackets_may_stand_in_each_other_a_hundred_times() -> None:
    (unit,) = read_yaml("[" * 100 + "]" * 100).units
    assert unit.problem is None
    for text in ("[" * 101 + "]" * 101, "[ " * 100_000, "{a: " * 100_000):
        (unit,) = read_yaml(text).units
        assert unit.problem is not None
        assert "levels of brackets" in unit.problem
