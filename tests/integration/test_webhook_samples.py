"""The samples of webhooks are what the API server takes, and what the controller understands."""

from pathlib import Path

import pytest
import yaml

from integration.api_server import ADMIN, MANIFESTS, Object
from oomreport.adapters.cel import Filter
from oomreport.api.oom_hook import OOMHook
from oomreport.hooks.signature import signing_keys

SAMPLES = sorted((MANIFESTS / "samples").glob("webhook-*.yaml"))


def test_there_are_samples_for_chats_argo_events_and_knative():
    assert [file.stem for file in SAMPLES] == ["webhook-argo-events", "webhook-chat", "webhook-knative"]


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_a_sample_is_applied(product: list[Object], file: Path):
    objects = [one for one in yaml.safe_load_all(file.read_text()) if one]
    names = {one["metadata"]["namespace"] for one in objects} - {"oomreport-system"}
    for name in names:
        ADMIN.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        ADMIN.apply(*objects, options=("--validate=strict",))
        for one in objects:
            if one["kind"] == "OOMHook":
                metadata = one["metadata"]
                hook = OOMHook.model_validate(ADMIN.get("oomhook", metadata["name"], "-n", metadata["namespace"]))
                assert hook.spec.webhook
                if hook.spec.filter:
                    Filter(hook.spec.filter)
            if one["kind"] == "Secret":
                assert signing_keys(one["stringData"]["key"])
    finally:
        for one in objects:
            metadata = one["metadata"]
            ADMIN.kubectl("delete", one["kind"], metadata["name"], "-n", metadata["namespace"], "--ignore-not-found")
