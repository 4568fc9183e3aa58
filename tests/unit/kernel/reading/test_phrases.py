from oomreport.kernel.reading.phrases import OF_AN_OOM, PHRASES, PLAIN, plain_finder


def test_places_are_ascending() -> None:
    assert plain_finder((b"b", b"a"))(b"xabxab") == [1, 2, 4, 5]
    assert PLAIN(b"nothing") == []


def test_every_phrase_is_found() -> None:
    assert set(OF_AN_OOM) < set(PHRASES)
    assert all(PLAIN(b"x" + phrase + b"y")[0] == 1 for phrase in PHRASES)
