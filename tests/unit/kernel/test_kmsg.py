from oomreport.kernel.kmsg import line_of_record, line_of_syslog, unescaped


def test_a_record_has_a_sequence_a_stamp_and_a_level() -> None:
    line = line_of_record(b"6,2565,102258085667,-;docker0: port 2\n SUBSYSTEM=net\n DEVICE=n1\n")
    assert line is not None
    assert (line.text, line.sequence, line.stamp.monotonic_us, line.priority) == (
        "docker0: port 2", 2565, 102258085667, 6,
    )  # fmt: skip
    assert line.kernel


def test_a_record_of_user_space_is_no_kernel_text() -> None:
    line = line_of_record(b"11,7,8,-;Out of memory: Killed process 1 (init)")
    assert line is not None
    assert not line.kernel
    assert line.facility == 1


def test_a_caller_id_is_not_text() -> None:
    line = line_of_record(b"6,1,2,c,caller=T12;rest")
    assert line is not None
    assert (line.text, line.continued) == ("rest", True)


def test_a_record_is_unescaped_once() -> None:
    assert unescaped(b"\\x5cx0a \\x0a \\xff") == b"\\x0a \n \xff"


def test_what_is_no_record_gives_nothing() -> None:
    for other in (b"", b"hello", b"6,1;x", b" SUBSYSTEM=net"):
        assert line_of_record(other) is None


def test_the_ring_has_priority_and_stamp_in_front() -> None:
    line = line_of_syslog(b"<4>[   12.345678] app invoked oom-killer: gfp_mask=0xcc0\n")
    assert line is not None
    assert (line.text, line.stamp.monotonic_us) == ("app invoked oom-killer: gfp_mask=0xcc0", 12_345_678)
    forged = line_of_syslog(b"<11>[   12.345678] Out of memory")
    assert forged is not None
    assert not forged.kernel
    assert line_of_syslog(b"no priority") is None
