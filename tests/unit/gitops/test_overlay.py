"""A kustomization gets a line for a new patch where that is safe, and keeps all others."""

import pytest
import yaml

from oomreport.errors import EditRefused
from oomreport.gitops.overlay import with_patches
from oomreport.gitops.yaml_text import read_yaml


def added(text: str) -> str:
    return with_patches(read_yaml(text), ["new.yaml"])


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("resources: [a]\n", "resources: [a]\npatches:\n- path: new.yaml\n"),
        ("resources: [a]", "resources: [a]\npatches:\n- path: new.yaml\n"),
        ("a: b\r\n", "a: b\r\npatches:\r\n- path: new.yaml\r\n"),
        (
            "patches:\n- path: a.yaml # a\n# end\nb: c\n",
            "patches:\n- path: a.yaml # a\n- path: new.yaml\n# end\nb: c\n",
        ),
        ("patches:\n  - path: a.yaml", "patches:\n  - path: a.yaml\n  - path: new.yaml\n"),
        ("patches:\n- patch: |\n    - a\n\nb: c\n", "patches:\n- patch: |\n    - a\n- path: new.yaml\n\nb: c\n"),
        ("patches:\n- path: a\n  target: {kind: X}\n", "patches:\n- path: a\n  target: {kind: X}\n- path: new.yaml\n"),
        (
            "patches:\n-   path: a\n    target:\n      kind: X\n",
            "patches:\n-   path: a\n    target:\n      kind: X\n- path: new.yaml\n",
        ),
    ],
)
def test_the_line_is_put_behind_the_last_patch(text: str, after: str):
    assert added(text) == after
    names = [one.get("path") for one in yaml.safe_load(after)["patches"]]
    assert names[-1] == "new.yaml"


@pytest.mark.parametrize(
    "text",
    [
        "patches: [{path: a.yaml}]\n",
        "patches: []\n",
        "patches:\n",
        "{resources: [a]}\n",
        "resources: [a]\n---\nresources: [b]\n",
        "resources: [a]\n...\n",
        "patches:\n- path: a\n  target:\n    {kind: X,\n     name: y\n    }\n",
    ],
)
def test_where_no_line_can_be_put_safely_it_is_refused(text: str):
    with pytest.raises(EditRefused):
        added(text)
