"""Text of a terminal as a picture."""

from xml.etree import ElementTree as ET

import pictures


def words_of(svg: str) -> list[str]:
    return [
        "".join(row.itertext()).replace("\u00a0", " ")
        for row in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    ]


def test_each_line_is_a_row_with_its_spaces_and_without_the_terminals_codes():
    svg = pictures.svg("$ oomreport <x>\n\x1b[1m   bold & \x1b[0mplain\n\n  1\n")
    assert words_of(svg) == ["$ oomreport <x>", "   bold & plain", "", "  1"]
    assert 'font-weight="bold">\u00a0\u00a0\u00a0bold\u00a0&amp;\u00a0</tspan>plain' in svg


def test_the_pictures_of_the_readme_are_there_and_can_be_read():
    svg, png = (file.read_bytes() for file in pictures.made())
    assert any("was killed" in line for line in words_of(svg.decode()))
    assert png.startswith(b"\x89PNG\r\n")
    assert len(svg) + len(png) < 400_000
