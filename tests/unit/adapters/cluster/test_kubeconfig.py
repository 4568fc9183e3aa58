"""Kubeconfigs that hold their credentials. Against a real server they are used in tests/integration/test_plugin.py."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from oomreport.adapters.cluster.kubeconfig import context_of
from oomreport.errors import ConfigurationError


def written(folder: Path, user: dict[str, Any], *, name: str = "config", **context: str) -> str:
    """Write a kubeconfig with a context of its own name."""
    file = folder / name
    text = {
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}:6443/"}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, **context}}],
    }
    file.write_text(yaml.safe_dump(text))
    return str(file)


def test_the_current_context_is_used_unless_another_is_named(tmp_path: Path) -> None:
    one = written(tmp_path, {"token": "t1"}, name="one", namespace="shop")
    two = written(tmp_path, {"token": "t2"}, name="two")
    found = context_of(f"{one}:{two}:{tmp_path}/none")
    assert (found.access.server, found.access.authorization()) == ("https://one:6443", "Bearer t1")
    assert (found.namespace, found.user) == ("shop", "one")
    other = context_of(f"{one}:{two}", "two")
    assert (other.access.authorization(), other.namespace) == ("Bearer t2", "default")


def test_a_token_file_is_beside_the_kubeconfig_and_read_each_time(tmp_path: Path) -> None:
    found = context_of(written(tmp_path, {"tokenFile": "token"}))
    for text in ("first", "second"):
        (tmp_path / "token").write_text(f"{text}\n")
        assert found.access.authorization() == f"Bearer {text}"


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"exec": {"command": "aws"}}, "its user has exec: that takes kubectl"),
        ({"auth-provider": {"name": "gcp"}}, "its user has auth-provider"),
        ({"client-certificate": "no.crt", "client-key": "no.key"}, "no.crt"),
        ({"client-certificate-data": "bm8=", "client-key-data": "bm8="}, "kubeconfig: "),
    ],
)
def test_credentials_that_cannot_be_used_are_named(tmp_path: Path, user: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        context_of(written(tmp_path, user))


def test_what_the_file_lacks_is_named_and_its_text_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="it has no context 'prod'"):
        context_of(written(tmp_path, {}), "prod")
    for text in ("token: [secret", "- secret"):
        (tmp_path / "broken").write_text(text)
        with pytest.raises(ConfigurationError) as caught:
            context_of(str(tmp_path / "broken"))
        assert "secret" not in str(caught.value)
