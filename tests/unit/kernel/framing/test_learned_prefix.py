from oomreport.kernel.framing.learned_prefix import LearnedPrefix
from oomreport.kernel.framing.prefix import unprefixed

_HEADER = "x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"


def test_a_prefix_that_no_rule_knows_is_learned_from_a_line_that_is_plainly_the_kernels() -> None:
    learned = LearnedPrefix()
    before = "eu-west|node7|WARN| something else"
    assert learned.taken_off(unprefixed(before)).text == before
    assert learned.taken_off(unprefixed(f"eu-west|node7|WARN| {_HEADER}")).text == _HEADER
    assert learned.taken_off(unprefixed("eu-west|node12|INFO| something else")).text == "something else"


def test_the_kernels_time_behind_it_is_kept() -> None:
    found = LearnedPrefix().taken_off(unprefixed(f"vcpu-5 - Guest: <4>[   12.000345] {_HEADER}"))
    assert (found.text, found.monotonic_us) == (_HEADER, 12_000_345)


def test_nothing_is_learned_from_a_program_that_repeats_the_kernel() -> None:
    line = f'level=info msg="saw {_HEADER}"'
    assert LearnedPrefix().taken_off(unprefixed(line)).text == line
